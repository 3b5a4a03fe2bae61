from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.core.how import QUIET
from hooke.datasets.simulated_response import CARD, Config, Dataset


def test_the_store_holds_the_simulated_cells(tmp_path: Path) -> None:
    from hooke.cells.simulated_response import SimulationConfig, simulate

    sizes = {"seed": 3, "modules": 3, "genes_a_module": 2, "readouts": 20, "cells": 6, "controls": 10, "pairs": 3}
    store = Dataset(Config(**sizes)).prepare(tmp_path, QUIET)
    expected = simulate(SimulationConfig(**sizes)).profiles
    assert np.array_equal(store.profiles().values, expected.values)
    assert store.profiles().metadata["perturbation"].to_list() == expected.metadata["perturbation"].to_list()
    assert Dataset(Config(**sizes)).prepare(tmp_path, QUIET).content_hash == store.content_hash


def test_the_card_needs_no_download() -> None:
    assert CARD.files == ()
    assert CARD.modality == "cells"

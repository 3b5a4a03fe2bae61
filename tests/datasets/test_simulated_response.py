from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.how import QUIET
from hooke.datasets.simulated_response import CARD, Config, Dataset


def test_the_store_holds_the_responses_of_the_simulated_cells(tmp_path: Path) -> None:
    from hooke.cells.simulated_response import SimulationConfig, simulate

    sizes = {"seed": 3, "modules": 3, "genes_a_module": 2, "readouts": 20, "cells": 6, "controls": 10, "pairs": 3}
    store = Dataset(Config(**sizes)).prepare(tmp_path, QUIET)
    simulated = simulate(SimulationConfig(**sizes))
    assert len(store) == 2 * len(simulated.truth)
    assert store.conditions.counts.tolist() == [6.0] * len(store)
    values, table = simulated.profiles.values, simulated.profiles.metadata
    row = store.table["perturbation"].to_list().index("T000")
    expected = []
    for batch in table.filter(cell_type=store.table["context"][row])["batch"].unique():
        of = [
            values[((table["perturbation"] == name) & (table["batch"] == batch)).to_numpy()].mean(axis=0)
            for name in ("T000", "control")
        ]
        expected.append(of[0] - of[1])
    assert store.changes(np.array([row]))[0] == pytest.approx(np.mean(expected, axis=0), abs=1e-4)
    assert store.edges is not None
    assert len(store.edges.read_text().splitlines()) == len(simulated.edges) + 1
    assert store.simulated
    assert Dataset(Config(**sizes)).prepare(tmp_path, QUIET).content_hash == store.content_hash


def test_the_card_needs_no_download() -> None:
    assert CARD.files == ()
    assert CARD.modality == "perturbations"

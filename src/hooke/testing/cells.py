"""What every data set of cells must do: its twin is a store of profiles, complete and repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.store import ProfileStore
from hooke.core.store import check_store
from hooke.nn.contract import require


def check_cells(dataset: Any, folder: Path) -> None:
    """Check the twin of a data set of the modality "cells".

    Raises:
        ContractError: The first promise that is broken.
    """
    twin = dataset.twin(folder / "first", seed=0)
    require(isinstance(twin, ProfileStore), f"the twin is {type(twin).__name__}, not cells.store.ProfileStore")
    problems = check_store(twin.folder)
    require(not problems, f"the twin's store is damaged: {problems}")
    require(len(twin) >= 8, f"the twin has only {len(twin)} profiles")
    values = twin.values()
    require(bool(np.isfinite(values).all()), "the twin holds NaN or infinity")
    require(bool((values.std(axis=0) > 0).all()), "a feature of the twin is constant")
    named = {"gene", "compound", "perturbation"} & set(twin.metadata.columns)
    require(bool(named), "the twin says nothing about its perturbations: no column gene, compound or perturbation")
    for place, label in enumerate(twin.labels):
        require(
            bool(np.isfinite(twin.targets[:, place]).any()),
            f"the label {label.name!r} of the twin is not known of any profile",
        )
    again = dataset.twin(folder / "again", seed=0)
    require(again.content_hash == twin.content_hash, "the same seed gives another twin")
    require(dataset.twin(folder / "first", seed=0).folder == twin.folder, "the same content is prepared twice")
    other = dataset.twin(folder / "other", seed=1)
    require(not np.array_equal(other.values(), values), "another seed gives the same twin")

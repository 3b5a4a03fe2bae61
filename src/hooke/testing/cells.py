"""What every data set of cells must do: its twin is profiles, complete and repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.profiles import Profiles
from hooke.nn.contract import require


def check_cells(dataset: Any, folder: Path) -> None:
    """Check the twin of a data set of the domain "cells".

    Raises:
        ContractError: The first promise that is broken.
    """
    twin = dataset.twin(folder / "first", seed=0)
    require(isinstance(twin, Profiles), f"the twin is {type(twin).__name__}, not cells.profiles.Profiles")
    require(len(twin) >= 8, f"the twin has only {len(twin)} profiles")
    require(bool(np.isfinite(twin.values).all()), "the twin holds NaN or infinity")
    require(bool((twin.values.std(axis=0) > 0).all()), "a feature of the twin is constant")
    named = {"gene", "compound", "perturbation"} & set(twin.metadata.columns)
    require(bool(named), "the twin says nothing about its perturbations: no column gene, compound or perturbation")
    again = dataset.twin(folder / "again", seed=0)
    require(bool(np.array_equal(again.values, twin.values)), "the same seed gives another twin")
    require(again.metadata.equals(twin.metadata), "the same seed gives other metadata")
    other = dataset.twin(folder / "other", seed=1)
    require(not np.array_equal(other.values, twin.values), "another seed gives the same twin")

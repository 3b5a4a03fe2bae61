from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.datasets import horlbeck
from hooke.nn.contract import ContractError
from hooke.testing import check_dataset
from hooke.testing.cells import check_cells


class Made:
    """A data set of cells that is wrong in one way."""

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    def twin(self, folder: Path, seed: int = 0) -> Any:
        seed = {"restless": seed + 7 * (folder.name == "again"), "constant": 0}.get(self.wrong, seed)
        values = np.random.default_rng(seed).normal(size=(3 if self.wrong == "small" else 9, 2))
        if self.wrong == "missing":
            values[0] = np.nan
        if self.wrong == "flat":
            values[:, 1] = 1
        if self.wrong == "array":
            return values
        name = "dish" if self.wrong == "nameless" else "gene"
        return Profiles.of_embeddings(values, pl.DataFrame({name: [str(row) for row in range(len(values))]}))


def test_a_sound_data_set_passes(tmp_path: Path) -> None:
    check_cells(Made(), tmp_path)
    check_dataset(horlbeck, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("array", "not cells.profiles.Profiles"), ("small", "only 3"), ("missing", "NaN"), ("flat", "constant"),
        ("nameless", "says nothing"), ("restless", "same seed"), ("constant", "another seed"),
    ],
)  # fmt: skip
def test_broken_promises(wrong: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=message):
        check_cells(Made(wrong), tmp_path)

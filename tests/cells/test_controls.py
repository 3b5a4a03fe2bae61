from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells.controls import batch_names, controls_per_batch, negative_controls
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError


def some(**columns: list) -> Profiles:
    table = pl.DataFrame(columns)
    return Profiles.of_embeddings(np.zeros((len(table), 1)), table)


def test_keys_are_matched_whole() -> None:
    profiles = some(gene=["EMPTY_control", "EMPTY", "control"])
    assert negative_controls(profiles, column="gene", keys=["EMPTY_control"]).tolist() == [True, False, False]
    with pytest.raises(UsageError, match="list of names"):
        negative_controls(profiles, column="gene", keys="EMPTY_control")
    with pytest.raises(DataError, match="its values are: EMPTY"):
        negative_controls(profiles, column="gene", keys=["DMSO"])
    with pytest.raises(UnknownNameError):
        negative_controls(profiles)


def test_batches_and_their_controls() -> None:
    assert batch_names(some(plate=["a", "b"])).tolist() == ["a", "b"]
    assert batch_names(some(plate=["a", "b"], experiment=["x", "y"])).tolist() == ["x", "y"]
    assert batch_names(some(plate=["a", "b"], batch=["1", "2"]), "plate").tolist() == ["a", "b"]
    with pytest.raises(UnknownNameError):
        batch_names(some(gene=["a"]))
    assert controls_per_batch(np.array(["b", "a", "b"]), np.array([True, False, True])) == {"a": 0, "b": 2}

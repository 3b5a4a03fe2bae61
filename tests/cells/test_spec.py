from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells import spec as module
from hooke.cells.profiles import Profiles
from hooke.cells.spec import ProfileSpec, feature_statistics
from hooke.cells.store import ProfileStore
from hooke.core.label import Label
from hooke.core.types import Spec


def test_there_and_back() -> None:
    labels = (Label("gene", "profile", "multiclass", classes=2, names=("A", "B")), Label("dose", "profile"))
    bare = ProfileSpec(labels, features=("a", "b"), batches=("day 1",))
    assert isinstance(bare, Spec)
    assert ProfileSpec.from_json(json.loads(json.dumps(bare.to_json()))) == bare


def test_statistics_of_the_given_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 2)
    values = np.array([[1, 10, 5], [3, np.inf, 5], [5, 30, 5], [1000, np.nan, 5]])
    profiles = Profiles(values, pl.DataFrame({"dose": [1.0, None, 3.0, 9.0]}), ("a", "b", "c"))
    store = ProfileStore.write(profiles, tmp_path / "store")
    found = feature_statistics(store, np.array([2, 0, 1]), np.array([1, 0, 2]))
    assert found.count.tolist() == [2, 3, 3]
    assert found.mean.tolist() == [20, 3, 5]
    np.testing.assert_allclose(found.std, [10, np.sqrt(8 / 3), 1])
    spec = ProfileSpec(features=("b", "a", "c"), feature_statistics=found)
    again = ProfileSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again.feature_statistics is not None
    assert np.array_equal(again.feature_statistics.std, found.std)

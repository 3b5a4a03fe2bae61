from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells import spec as module
from hooke.cells.profiles import Profiles
from hooke.cells.spec import ProfileSpec, training_statistics
from hooke.cells.store import ProfileStore
from hooke.core.label import Label
from hooke.core.types import Spec


def test_there_and_back() -> None:
    labels = (Label("gene", "profile", "multiclass", classes=2, names=("A", "B")), Label("dose", "profile"))
    bare = ProfileSpec(("a", "b"), ("day 1",), labels)
    assert isinstance(bare, Spec)
    assert ProfileSpec.from_json(json.loads(json.dumps(bare.to_json()))) == bare


def test_statistics_of_the_given_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 2)
    values = np.array([[1, 10, 5], [3, np.inf, 5], [5, 30, 5], [1000, np.nan, 5]])
    table = pl.DataFrame({"dose": [1.0, None, 3.0, 9.0]})
    store = ProfileStore.write(Profiles(values, table, ("a", "b", "c")), tmp_path / "store", targets=["dose"])
    features, labels = training_statistics(store, np.array([2, 0, 1]), np.array([1, 0, 2]))
    assert features.count.tolist() == [2, 3, 3]
    assert features.mean.tolist() == [20, 3, 5]
    np.testing.assert_allclose(features.std, [10, np.sqrt(8 / 3), 1])
    assert labels is not None
    assert (labels.count.tolist(), labels.mean.tolist(), labels.std.tolist()) == ([2], [2], [1])
    spec = ProfileSpec(("b", "a", "c"), (), store.labels, features, labels)
    again = ProfileSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again.feature_statistics is not None
    assert np.array_equal(again.feature_statistics.std, features.std)
    bare = ProfileStore.write(store.profiles(), tmp_path / "bare")
    assert training_statistics(bare, np.array([0]), np.array([0]))[1] is None

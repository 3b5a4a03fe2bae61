from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.inference.thresholds import thresholds

LABELS = (Label("y"), Label("a", kind="binary"), Label("b", kind="binary"), Label("c", kind="multiclass", classes=3))


def test_all_or_single_labels(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "x", {}, "hash")
    assert thresholds(run, LABELS) == {"a": 0.5, "b": 0.5}
    assert thresholds(run, LABELS, [0.3]) == {"a": 0.3, "b": 0.3}
    assert thresholds(run, LABELS, ["0.3", "b=0.7"]) == {"a": 0.3, "b": 0.7}
    assert thresholds(run, LABELS[:1]) == {}


def test_balanced_is_chosen_on_validation_rows(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "x", {}, "hash")
    table = {"a": [0.1, 0.2, 0.3], "a_measured": [0.0, 1.0, None], "b": [0.1, 0.2, 0.3], "b_measured": [1.0, 1.0, 1.0]}
    pl.DataFrame(table).write_parquet(run.path("predictions_valid.parquet"))
    assert thresholds(run, LABELS, ["a=balanced"])["a"] == pytest.approx(0.15)
    with pytest.raises(UsageError, match="one class of 'b' alone"):
        thresholds(run, LABELS, ["balanced"])

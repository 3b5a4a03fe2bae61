from __future__ import annotations

import numpy as np

from hooke.core.label import Label
from hooke.report.data import data_summary, label_summary


def test_labels_are_counted_and_binned() -> None:
    values = np.array([1.0, 2.0, np.nan, 4.0])
    found = label_summary(Label("a", unit="eV"), values, np.array([0, 1, 1, 0]))
    assert (found.count, found.censored, found.low, found.high) == (3, 1, 1.0, 4.0)
    assert found.histogram is not None
    assert sum(found.histogram.counts) == 3
    assert len(found.histogram.edges) == len(found.histogram.counts) + 1


def test_classes_are_counted_by_name() -> None:
    found = label_summary(Label("b", kind="binary"), np.array([1.0, 1.0]))
    assert found.histogram is not None
    assert (found.histogram.counts, found.histogram.names, found.mean) == ((0, 2), ("0", "1"), 1.0)
    found = label_summary(Label("c", kind="multiclass", classes=4), np.array([3.0]))
    assert found.histogram is not None
    assert found.histogram.counts == (0, 0, 0, 1)


def test_a_label_without_measurements() -> None:
    found = label_summary(Label("a"), np.full(3, np.nan))
    assert (found.count, found.mean, found.histogram) == (0, None, None)


def test_every_row_goes_somewhere() -> None:
    found = data_summary(
        "d",
        ingest={
            "rows_read": 10,
            "rows_kept": 7,
            "rows_rejected": 2,
            "duplicates_merged": 1,
            "ignored_columns": {"x": "text"},
        },
        parts={"train": 5, "test": np.int64(2)},
        leaks={"equal_structures": 0},
        rejected=[
            {"row": np.int64(3), "what": "label", "column": "y", "value": None, "reason": "empty"},
            {"row": 4, "reason": "bad", "value": "C" * 10_000},
            {"row": 5, "reason": "bad"},
        ],
        limit=2,
        split="random",
    )
    assert found.rows_read == found.rows_kept + found.rows_rejected + found.duplicates_merged
    assert [entry.row for entry in found.rejected] == [3, 4]
    assert (found.rejected[0].what, found.rejected[0].text) == ("label", "")
    assert found.rejected[1].what == "row"
    assert found.rejected[1].text.endswith("… (10,000 characters)")
    assert found.rejected_rule == "the first 2 of 3"
    assert found.leaks[0].label == "equal structures"
    assert found.ignored_columns == (("x", "text"),)
    assert data_summary("d", ingest={}).rejected_rule == ""

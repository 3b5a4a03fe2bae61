from __future__ import annotations

from hooke.report.data_schema import Count, DataSummary, KeyNumber, LabelSummary
from hooke.report.schema import Report, Summary


def test_a_data_set_comes_back_from_json() -> None:
    label = LabelSummary("y", "graph", "regression", 12, censored=3)
    found = DataSummary(
        "assay", rows_read=14, rows_kept=12, labels=(label,), parts=(Count("train", 10), Count("test", 2))
    )
    report = Report("t", Summary("nothing", key_numbers=(KeyNumber("3", "labels"),)), data=(found,))
    assert Report.from_json(report.to_json()) == report

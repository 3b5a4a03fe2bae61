"""The data section: where every row went, what the labels look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hooke.core.label import Label
from hooke.report.build import MAX_ROWS, Values, numbers
from hooke.report.data_schema import Count, DataSummary, Histogram, KeyNumber, LabelSummary, RejectedRow
from hooke.report.drawing import MAX_SMILES


def label_summary(label: Label, values: Values, bounds: np.ndarray | None = None) -> LabelSummary:
    """Count, spread and histogram of one label's measured values (NaN: not measured; `bounds` ≠ 0: censored)."""
    found = np.asarray(values, np.float64).ravel() + label.offset
    measured = np.isfinite(found)
    censored = 0 if bounds is None else int((np.asarray(bounds).ravel()[measured] != 0).sum())
    found = found[measured]
    plain = (
        label.name,
        label.level,
        label.kind,
        len(found),
        label.unit,
        label.transform,
        censored,
        None,
        0,
        label.original,
    )
    if not len(found):
        return LabelSummary(*plain)
    if label.kind != "regression":
        counts = np.bincount(found.astype(np.int64), minlength=len(label.class_names))
        histogram = Histogram(tuple(counts.tolist()), names=label.class_names)
        return LabelSummary(*plain, mean=float(found.mean()), histogram=histogram)
    counts, edges = np.histogram(found, bins=min(24, max(4, int(np.sqrt(len(found))))))
    histogram = Histogram(tuple(counts.tolist()), numbers(edges))
    return LabelSummary(
        *plain, float(found.mean()), float(found.std()), float(found.min()), float(found.max()), histogram
    )


def data_summary(
    name: str,
    *,
    ingest: Mapping[str, Any],
    labels: Sequence[LabelSummary] = (),
    parts: Mapping[str, int] | None = None,
    leaks: Mapping[str, object] | None = None,
    rejected: Sequence[Mapping[str, Any]] = (),
    limit: int = MAX_ROWS,
    **fields: Any,
) -> DataSummary:
    """Where every row went.

    Args:
        name: Of the data set.
        ingest: Counts by the names of `molecules.tables.ingest.IngestReport`; missing ones are 0.
        labels: From `label_summary`.
        parts: Split part -> molecules.
        leaks: Check -> what it found, shown as it is.
        rejected: Rows of rejected.parquet as dictionaries (row, what, column, value, reason).
        limit: Only the first so many rejected rows are listed.
        fields: Other fields of `DataSummary`: title, source, licence, split, duplicates, duplicates_rule, notes.
    """
    names = ("rows_read", "rows_kept", "rows_rejected", "duplicates_merged", "conflicts", "label_problems")
    counts: dict[str, Any] = {field: int(ingest.get(field, 0)) for field in names}
    listed = tuple(
        RejectedRow(
            int(entry["row"]),
            _cut(str(entry.get("value") or "")),
            str(entry["reason"]),
            str(entry.get("column") or ""),
            "label" if entry.get("what") == "label" else "row",
        )
        for entry in rejected[:limit]
    )
    return DataSummary(
        name=name,
        **counts,
        labels=tuple(labels),
        rejected=listed,
        rejected_rule=f"the first {limit:,} of {len(rejected):,}" if len(rejected) > limit else "",
        parts=tuple(Count(part, int(count)) for part, count in (parts or {}).items()),
        leaks=tuple(KeyNumber(str(value), check.replace("_", " ")) for check, value in (leaks or {}).items()),
        ignored_columns=tuple((ingest.get("ignored_columns") or {}).items()),
        **fields,
    )


def _cut(text: str, limit: int = MAX_SMILES) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"

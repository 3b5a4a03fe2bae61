"""What report.json says of a data set: where every row went, labels, what leaks across its split; and key numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class KeyNumber:
    """One of the few numbers at the head of the report: "0.85", "kcal/mol RMSE on unseen molecules"."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class RejectedRow:
    """A row, or one label of it, that is not used, and why. `row`: line or record in the source file, from 1."""

    row: int
    text: str
    reason: str
    column: str = ""
    what: Literal["row", "label"] = "row"


@dataclass(frozen=True)
class DuplicateGroup:
    """Rows with one canonical structure whose measurements disagreed, and what was kept."""

    smiles: str
    rows: tuple[int, ...]
    label: str
    values: tuple[float | None, ...]
    kept: float | None


@dataclass(frozen=True)
class Histogram:
    """Counts between edges; `edges` has one more entry than `counts`. For classes, `names` stands beside `counts`."""

    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelSummary:
    """One label column: what it is and what its measured values look like."""

    name: str
    level: str
    kind: str
    count: int
    unit: str = ""
    transform: str = "none"
    censored: int = 0
    unlabelled: int | None = None  # rows without it; None where rows have several of them
    unreadable: int = 0  # cells that are no value
    original: str = ""  # column that it was made from, where it has another name
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    histogram: Histogram | None = None


@dataclass(frozen=True)
class Count:
    """A named count: a part of the split."""

    name: str
    value: int
    note: str = ""


@dataclass(frozen=True)
class DataSummary:
    """Where the molecules came from and where every row went.

    rows_read = rows_kept + rows_rejected + duplicates_merged. `rejected` and `duplicates` may list fewer rows than
    there were; then `rejected_rule` or `duplicates_rule` says which ones.
    """

    name: str
    title: str = ""
    source: str = ""
    licence: str = ""
    rows_read: int = 0
    rows_kept: int = 0
    rows_rejected: int = 0
    duplicates_merged: int = 0
    conflicts: int = 0
    label_problems: int = 0
    labels: tuple[LabelSummary, ...] = ()
    split: str = ""
    parts: tuple[Count, ...] = ()
    leaks: tuple[KeyNumber, ...] = ()
    rejected: tuple[RejectedRow, ...] = ()
    rejected_rule: str = ""
    duplicates: tuple[DuplicateGroup, ...] = ()
    duplicates_rule: str = ""
    ignored_columns: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

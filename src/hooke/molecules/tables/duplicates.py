"""Rows that are the same molecule: which one stays, and what becomes of their measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.core.store.reader import ragged_index
from hooke.molecules.blocks import GraphLabels, ends
from hooke.molecules.tables.description import Rule

_SAME = 1e-6  # measurements closer than this, relative to their size, agree


@dataclass(frozen=True)
class Repeats:
    """How measurements of one label repeat: the noise that no model can be better than.

    Attributes:
        molecules: Molecules with more than one exact measurement.
        measurements: Their measurements.
        scatter: Standard deviation within a molecule, pooled over molecules: sqrt(sum of squares / degrees of freedom).
    """

    molecules: int
    measurements: int
    scatter: float


@dataclass(frozen=True)
class Merged:
    """What to keep.

    Attributes:
        kept_row: (N,) int64, for each row the row that stands for its molecule: itself where it stays.
        rows: (K,) int64, ascending: rows that stay and whose labels were merged.
        labels: Their labels.
        conflicts: Measured values (molecule and label) whose repeats disagree.
        repeats: Label name -> how its measurements repeat; regression labels with repeats only.
    """

    kept_row: np.ndarray
    rows: np.ndarray
    labels: GraphLabels
    conflicts: int = 0
    repeats: dict[str, Repeats] = field(default_factory=dict)

    @property
    def keep(self) -> np.ndarray:
        """(N,) bool, the rows that stay: the first of each molecule."""
        return self.kept_row == np.arange(len(self.kept_row))


def merge_duplicates(
    keys: np.ndarray,
    source_rows: np.ndarray,
    labels_of_blocks: Callable[[], Iterable[GraphLabels]],
    labels: Sequence[Label],
    rule: Rule,
) -> Merged:
    """Find rows with equal keys and merge their graph-level labels.

    Exact values count before censored ones. Of censored values alone the tightest bound stays, or the first value if bounds of
    both directions were given. Classes take the majority; a tie is missing. The rule "first" takes the first exact value.

    Args:
        keys: (N, 2) uint64 of all rows.
        source_rows: (N,) int64 their numbers in the table, for messages.
        labels_of_blocks: Gives the labels of all rows, block by block.
        labels: The graph-level labels.
        rule: See `description.Table.duplicates`.

    Raises:
        DataError: The rule is "error" and measurements conflict.
    """
    everyone = np.arange(len(keys))
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    kept_row = first[group.reshape(-1)]
    repeated = np.bincount(kept_row, minlength=len(keys))[kept_row] > 1
    if rule == "keep_all" or not repeated.any():
        return Merged(everyone, everyone[:0], GraphLabels.from_dense(np.zeros((0, 0))))
    rows, entries = _entries(labels_of_blocks(), repeated)
    molecule = kept_row[rows]
    order = np.lexsort((rows, entries.index, molecule))
    molecule, index, value, bound = molecule[order], entries.index[order], entries.value[order], entries.bound[order]
    starts = np.flatnonzero(np.diff(molecule, prepend=-1) | np.diff(index.astype(np.int64), prepend=-1))
    stops = np.append(starts[1:], len(value))
    merged_value, merged_bound = value[starts].copy(), bound[starts].copy()
    conflicts = 0
    squares, freedom, molecules = (np.zeros(len(labels)) for _ in range(3))
    for place in np.flatnonzero(stops - starts > 1):
        run = slice(starts[place], stops[place])
        number = int(index[starts[place]])
        kind = labels[number].kind
        merged_value[place], merged_bound[place] = _merge(value[run], bound[run], kind, rule)
        disagree = _disagree(value[run], bound[run])
        if disagree and rule == "error":
            raise DataError(
                f"measurements of {labels[number].name!r} conflict for the molecule of row {source_rows[molecule[starts[place]]]}; "
                "choose another rule for duplicates"
            )
        conflicts += disagree
        exact = value[run][bound[run] == 0].astype(np.float64)
        if kind == "regression" and len(exact) > 1:
            squares[number] += ((exact - exact.mean()) ** 2).sum()
            freedom[number] += len(exact) - 1
            molecules[number] += 1
    measured = ~np.isnan(merged_value)
    merged_rows = np.unique(kept_row[repeated])
    counts = np.bincount(np.searchsorted(merged_rows, molecule[starts][measured]), minlength=len(merged_rows))
    merged = GraphLabels(
        ends(counts), index[starts][measured].astype(np.uint32), merged_value[measured], merged_bound[measured]
    )
    repeats = {
        labels[int(number)].name: Repeats(
            int(molecules[number]),
            int(freedom[number] + molecules[number]),
            float(np.sqrt(squares[number] / freedom[number])),
        )
        for number in np.flatnonzero(freedom)
    }
    return Merged(kept_row, merged_rows, merged, conflicts, repeats)


def _entries(blocks: Iterable[GraphLabels], repeated: np.ndarray) -> tuple[np.ndarray, GraphLabels]:
    """The label entries of the repeated rows, and the row of each entry."""
    rows, parts = [], []
    start = 0
    for labels in blocks:
        count = len(labels.offsets) - 1
        here = np.flatnonzero(repeated[start : start + count])
        counts = labels.offsets[here + 1] - labels.offsets[here]
        chosen = ragged_index(labels.offsets[here], counts)
        rows.append(np.repeat(start + here, counts))
        parts.append((labels.index[chosen], labels.value[chosen], labels.bound[chosen]))
        start += count
    index, value, bound = (np.concatenate(part) for part in zip(*parts, strict=True))
    row = np.concatenate(rows)
    return row, GraphLabels(np.zeros(0, np.int64), index, value, bound)


def _merge(values: np.ndarray, bounds: np.ndarray, kind: str, rule: Rule) -> tuple[float, int]:
    exact = values[bounds == 0]
    if not len(exact):
        if (bounds == 1).all():
            return float(values.max()), 1
        if (bounds == -1).all():
            return float(values.min()), -1
        return float(values[0]), int(bounds[0])
    if rule == "first":
        return float(exact[0]), 0
    if kind == "regression":
        return float(np.median(exact) if rule == "median" else exact.mean(dtype=np.float64)), 0
    classes, votes = np.unique(exact, return_counts=True)
    return (float(classes[votes.argmax()]) if (votes == votes.max()).sum() == 1 else np.nan), 0


def _disagree(values: np.ndarray, bounds: np.ndarray) -> bool:
    """Whether no single value could have given all these measurements."""
    exact = values[bounds == 0]
    low = max(values[bounds == 1], default=-np.inf)
    high = min(values[bounds == -1], default=np.inf)
    if len(exact):
        low, high = max(low, exact.max()), min(high, exact.min())
    return bool(low - high > _SAME * max(1.0, abs(low), abs(high)))

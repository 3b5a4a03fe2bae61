"""Rows that are the same molecule: which one stays, and what becomes of their measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hooke.core.errors import DataError
from hooke.core.labels import Label
from hooke.molecules.store import MoleculeBlock

Rule = Literal["mean", "median", "first", "error", "keep_all"]


@dataclass(frozen=True)
class Merged:
    """What to keep.

    Attributes:
        keep: (N,) bool, the rows that stay: the first of each molecule.
        labels: Row that stays -> its merged (T,) float32 values and (T,) int8 bounds; only for molecules with duplicates.
        conflicts: Measurements that disagreed.
    """

    keep: np.ndarray
    labels: dict[int, tuple[np.ndarray, np.ndarray]]
    conflicts: int


def merge_duplicates(
    keys: np.ndarray, blocks: Callable[[], Iterable[MoleculeBlock]], labels: Sequence[Label], rule: Rule
) -> Merged:
    """Find rows with equal keys and merge their graph-level labels.

    Exact values count before censored ones; censored values alone keep the first. Classes take the majority; a tie is
    missing.

    Args:
        keys: (N, 2) uint64 of all rows.
        blocks: Gives all rows again, block by block, to read the labels of the few duplicates.
        labels: The graph-level labels.
        rule: See `ingest.IngestConfig.duplicates`.

    Raises:
        DataError: The rule is "error" and measurements conflict.
    """
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    sizes = np.bincount(group, minlength=len(first))
    if rule == "keep_all" or (sizes <= 1).all():
        return Merged(np.ones(len(keys), bool), {}, 0)
    keep = np.zeros(len(keys), bool)
    keep[first] = True
    repeated = sizes[group] > 1
    values: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    start = 0
    for block in blocks():
        here = np.flatnonzero(repeated[start : start + len(block.arrays)])
        if len(here):
            dense, bounds = block.graph_labels.dense(len(labels))
            for row in here:
                values.setdefault(int(first[group[start + row]]), []).append((dense[row], bounds[row]))
        start += len(block.arrays)
    conflicts = 0
    merged = {}
    for row, found in values.items():
        value, bound, disagreeing = _merge(np.stack([v for v, _ in found]), np.stack([b for _, b in found]), labels, rule)
        if disagreeing and rule == "error":
            raise DataError(f"{disagreeing} measurements conflict for the molecule of kept row {row}; choose another rule")
        conflicts += disagreeing
        merged[row] = (value, bound)
    return Merged(keep, merged, conflicts)


def _merge(
    values: np.ndarray, bounds: np.ndarray, labels: Sequence[Label], rule: Rule
) -> tuple[np.ndarray, np.ndarray, int]:
    out = np.full(values.shape[1], np.nan, np.float32)
    out_bounds = np.zeros(values.shape[1], np.int8)
    conflicts = 0
    for number in np.flatnonzero(~np.isnan(values).all(axis=0)):
        seen = ~np.isnan(values[:, number])
        exact = seen & (bounds[:, number] == 0)
        if not exact.any():
            place = np.flatnonzero(seen)[0]
            out[number], out_bounds[number] = values[place, number], bounds[place, number]
            continue
        numbers = values[exact, number]
        conflicts += int(np.ptp(numbers) > 1e-6)
        if rule == "first":
            out[number] = numbers[0]
        elif labels[number].kind == "regression":
            out[number] = np.median(numbers) if rule == "median" else numbers.mean(dtype=np.float64)
        else:
            classes, votes = np.unique(numbers, return_counts=True)
            if (votes == votes.max()).sum() == 1:
                out[number] = classes[votes.argmax()]
    return out, out_bounds, conflicts

"""Statistics of labels over given (training) rows: what normalisation and weighting are fitted on.

A share of the measurements of some rows: what training sees of the labels when `data.split.label_share` is below 1.

A measurement is a (molecule, label) pair; on atoms, bonds and pairs all entries of a molecule and label come or go together. Which ones
stay follows from row, label and seed alone, so every epoch sees the same, and a smaller share is a part of a larger one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hooke.core.hashing import mixed
from hooke.core.types import LabelStatistics
from hooke.evaluate.moments import Moments
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.store import MoleculeStore

_LEVEL_STRIDE = 1 << 20  # between the numbers of the labels of two levels


def hide_labels(molecules: MoleculeSlice, share: float, seed: int) -> MoleculeSlice:
    """The same molecules with NaN for every measurement that does not belong to the share.

    Args:
        molecules: Rows of a store with their labels.
        share: Of the measurements that stay, in expectation.
        seed: Of the draw.
    """
    targets = {}
    for number, (level, owner) in enumerate(molecules.owners().items()):
        if level in molecules.targets:
            values = molecules.targets[level]
            stays = kept(molecules.rows, number * _LEVEL_STRIDE + np.arange(values.shape[1]), share, seed)
            targets[level] = np.where(stays[owner], values, np.float32(np.nan))
    return replace(molecules, targets=targets)


def kept(rows: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(rows, labels) bool: which measurements belong to the share."""
    key = mixed(np.array([seed], np.uint64))
    key = mixed(key ^ rows.astype(np.uint64))[:, None]
    key = mixed(key ^ labels.astype(np.uint64)[None])
    return (key >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share


_BLOCK = 8192


def label_statistics(
    store: MoleculeStore, rows: np.ndarray, *, share: float = 1.0, seed: int = 0
) -> dict[str, LabelStatistics]:
    """Level -> statistics over the given rows only, streamed in blocks; censored values count as their bound.

    Args:
        store: The labels.
        rows: Which rows.
        share: Of their measurements that count; see `molecules.statistics`.
        seed: Of the share.
    """
    totals: dict[str, Moments] = {}
    rows = np.sort(np.asarray(rows, np.int64))
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        found = store.targets(some) if share == 1 else hide_labels(store.read(some), share, seed).targets
        for level, values in found.items():
            block = Moments.of(values.astype(np.float64))
            totals[level] = totals[level].merged(block) if level in totals else block
    return {level: total.statistics() for level, total in totals.items()}

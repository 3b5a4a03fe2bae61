"""Statistics of labels over given (training) rows: what normalisation and weighting are fitted on."""

from __future__ import annotations

import numpy as np

from hooke.core.types import LabelStatistics
from hooke.molecules.label_share import hide_labels
from hooke.molecules.store import MoleculeStore

_BLOCK = 8192


def label_statistics(
    store: MoleculeStore, rows: np.ndarray, *, share: float = 1.0, seed: int = 0
) -> dict[str, LabelStatistics]:
    """Level -> statistics over the given rows only, streamed in blocks; censored values count as their bound.

    Args:
        store: The labels.
        rows: Which rows.
        share: Of their measurements that count; see `molecules.label_share`.
        seed: Of the share.

    Source: blocks are merged by the pairwise update of Chan, Golub and LeVeque 1979, which keeps its digits when the mean is
    large beside the spread.
    """
    totals: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    rows = np.sort(np.asarray(rows, np.int64))
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        found = store.targets(some) if share == 1 else hide_labels(store.read(some), share, seed).targets
        for level, values in found.items():
            block = _moments(values.astype(np.float64))
            totals[level] = _merge(totals[level], block) if level in totals else block
    return {level: _finish(*total) for level, total in totals.items()}


def _moments(data: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count, mean and sum of squared deviations of each column, NaN left out."""
    measured = ~np.isnan(data)
    count = measured.sum(axis=0).astype(np.float64)
    mean = np.where(measured, data, 0.0).sum(axis=0) / np.maximum(count, 1)
    return count, mean, np.where(measured, (data - mean) ** 2, 0.0).sum(axis=0)


def _merge(
    first: tuple[np.ndarray, np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = first[0] + second[0]
    share = second[0] / np.maximum(count, 1)
    gap = second[1] - first[1]
    return count, first[1] + gap * share, first[2] + second[2] + gap**2 * first[0] * share


def _finish(count: np.ndarray, mean: np.ndarray, deviations: np.ndarray) -> LabelStatistics:
    std = np.sqrt(deviations / np.maximum(count, 1))
    return LabelStatistics(count, mean, np.where(std > 1e-8, std, 1.0))

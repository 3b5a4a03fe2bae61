"""Statistics of labels over given (training) rows: what normalisation and weighting are fitted on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hooke.molecules.store import MoleculeStore

_BLOCK = 8192


class LabelStatistics(NamedTuple):
    """Of the labels of one level: measured count, mean and standard deviation (1 where it would be 0); each (T,) float64."""

    count: np.ndarray
    mean: np.ndarray
    std: np.ndarray


def label_statistics(store: MoleculeStore, rows: np.ndarray) -> dict[str, LabelStatistics]:
    """Level -> statistics over the given rows only, streamed in blocks; censored values count as their bound."""
    sums: dict[str, np.ndarray] = {}
    for start in range(0, len(rows), _BLOCK):
        for level, values in store.read(np.sort(rows[start : start + _BLOCK])).targets.items():
            data = values.astype(np.float64)
            measured = ~np.isnan(data)
            filled = np.where(measured, data, 0.0)
            block = np.stack([measured.sum(axis=0), filled.sum(axis=0), (filled**2).sum(axis=0)]).astype(np.float64)
            sums[level] = sums.get(level, 0) + block
    return {level: _finish(*total) for level, total in sums.items()}


def _finish(count: np.ndarray, total: np.ndarray, square: np.ndarray) -> LabelStatistics:
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 0))
    return LabelStatistics(count, mean, np.where(std > 1e-8, std, 1.0))

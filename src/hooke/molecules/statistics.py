"""Statistics of labels over given (training) rows: what normalisation and weighting are fitted on."""

from __future__ import annotations

import numpy as np

from hooke.core.types import LabelStatistics
from hooke.evaluate.moments import Moments
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

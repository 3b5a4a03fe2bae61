"""`ProfileSpec`: what a network or an estimator must know of the profiles that it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.evaluate.moments import Moments

if TYPE_CHECKING:
    from hooke.cells.store import ProfileStore

_BLOCK = 4096


@dataclass(frozen=True)
class ProfileSpec:
    """Features, experimental batches and labels.

    Attributes:
        features: Names, in the order of the weights.
        batches: Names of the experimental batches, sorted; `batch_index` counts in this order.
        labels: Of level "profile", in the order of the target columns.
        feature_statistics: Of each feature over the training rows; None when the network is going to be loaded from weights, which
            hold them.
        label_statistics: Likewise of the labels.
    """

    features: tuple[str, ...]
    batches: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    feature_statistics: LabelStatistics | None = None
    label_statistics: LabelStatistics | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` gives the spec back."""
        return {
            "features": list(self.features),
            "batches": list(self.batches),
            "labels": [label.to_json() for label in self.labels],
            "feature_statistics": _plain(self.feature_statistics),
            "label_statistics": _plain(self.label_statistics),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ProfileSpec:
        """Back from `to_json`."""
        return cls(
            tuple(value["features"]),
            tuple(value["batches"]),
            tuple(Label.from_json(entry) for entry in value["labels"]),
            _statistics(value["feature_statistics"]),
            _statistics(value["label_statistics"]),
        )


def training_statistics(
    store: ProfileStore, rows: np.ndarray, places: np.ndarray
) -> tuple[LabelStatistics, LabelStatistics | None]:
    """Count, mean and standard deviation of features and labels over some rows; what is not finite is left out.

    Args:
        store: The profiles.
        rows: Which rows.
        places: Of the features in the store.

    Returns:
        Those of the features, and of the store's labels; None without labels.
    """
    total: Moments | None = None
    rows = np.sort(np.asarray(rows, np.int64))
    for start in range(0, len(rows), _BLOCK):
        values = store.values(rows[start : start + _BLOCK])[:, places].astype(np.float64)
        block = Moments.of(np.where(np.isfinite(values), values, np.nan))
        total = block if total is None else total.merged(block)
    assert total is not None, "no rows"
    labels = Moments.of(store.targets[rows].astype(np.float64)).statistics() if store.labels else None
    return total.statistics(), labels


def _plain(found: LabelStatistics | None) -> dict[str, list[float]] | None:
    return None if found is None else {name: values.tolist() for name, values in found._asdict().items()}


def _statistics(value: Mapping[str, Any] | None) -> LabelStatistics | None:
    return None if value is None else LabelStatistics(**{name: np.array(values) for name, values in value.items()})

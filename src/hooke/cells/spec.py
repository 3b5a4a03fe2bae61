"""`ProfileSpec`: what a network or an estimator must know of the profiles that it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hooke.core.types import LabelledSpec, LabelStatistics, labels_from_json, statistics_from_json
from hooke.evaluate.moments import Moments

if TYPE_CHECKING:
    from hooke.cells.store import ProfileStore

_BLOCK = 4096


@dataclass(frozen=True)
class ProfileSpec(LabelledSpec):
    """Features, experimental batches and labels.

    Attributes:
        labels, statistics: As in `LabelledSpec`; all labels are of level "profile".
        features: Names, in the order of the weights.
        feature_statistics: Of each feature over the training rows. These and `statistics` may be missing when the network is going to be
            loaded from weights, which hold them.
        batches: Names of the experimental batches, sorted; `batch_index` counts in this order.
    """

    features: tuple[str, ...] = ()
    feature_statistics: LabelStatistics | None = None
    batches: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """See `LabelledSpec.to_json`."""
        found = self.feature_statistics
        return {
            **super().to_json(),
            "features": list(self.features),
            "feature_statistics": None
            if found is None
            else {name: value.tolist() for name, value in found._asdict().items()},
            "batches": list(self.batches),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        found = value["feature_statistics"]
        return cls(
            labels_from_json(value),
            statistics_from_json(value),
            tuple(value["features"]),
            None if found is None else LabelStatistics(**{name: np.array(values) for name, values in found.items()}),
            tuple(value["batches"]),
        )


def feature_statistics(store: ProfileStore, rows: np.ndarray, places: np.ndarray) -> LabelStatistics:
    """Count, mean and standard deviation of features over some rows; what is not finite is left out.

    Args:
        store: The profiles.
        rows: Which rows, at least one.
        places: Of the features in the store.
    """
    total: Moments | None = None
    rows = np.sort(np.asarray(rows, np.int64))
    for start in range(0, len(rows), _BLOCK):
        values = store.values(rows[start : start + _BLOCK])[:, places].astype(np.float64)
        block = Moments.of(np.where(np.isfinite(values), values, np.nan))
        total = block if total is None else total.merged(block)
    assert total is not None
    return total.statistics()

"""Are members of known clusters (protein complexes) closer to each other than to the rest, cluster by cluster.

Source: EFAAR, cluster_benchmark: Kolmogorov-Smirnov test of within- against between-cluster cosines, clusters of at least ten genes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hooke.core.errors import UsageError
from hooke.evaluate.multiple_testing import benjamini_hochberg
from hooke.evaluate.pair_cosines import unit_rows


@dataclass(frozen=True)
class ClusterScore:
    """One cluster: mean cosines inside and to the rest, the two-sided statistic, its p- and adjusted p-value."""

    name: str
    members: tuple[str, ...]
    within: float
    between: float
    statistic: float
    p_value: float
    q_value: float


def cluster_benchmark(
    values: np.ndarray,
    entities: Sequence[str] | np.ndarray,
    clusters: Mapping[str, Sequence[str]],
    *,
    least: int = 10,
) -> list[ClusterScore]:
    """Score every cluster with enough members in the map, in the order of the mapping.

    Args:
        values: (n, d).
        entities: (n,) unique names.
        clusters: Name -> members.
        least: Smaller clusters are left out.

    Raises:
        UsageError: Fewer than two members are asked for.
    """
    from scipy.stats import ks_2samp

    if least < 2:
        raise UsageError(f"a cluster needs at least two members, not {least}")
    unit = unit_rows(values)
    place = {str(name): row for row, name in enumerate(entities)}
    found = []
    for name, members in clusters.items():
        rows = np.array(sorted(place[member] for member in set(members) if member in place), np.int64)
        if not least <= len(rows) < len(unit):
            continue
        inside = np.zeros(len(unit), bool)
        inside[rows] = True
        within = (unit[rows] @ unit[rows].T)[np.triu_indices(len(rows), 1)]
        between = (unit[rows] @ unit[~inside].T).ravel()
        test = ks_2samp(within, between)
        here = tuple(str(entities[row]) for row in rows)
        found.append(
            ClusterScore(
                name, here, float(within.mean()), float(between.mean()), float(test.statistic), float(test.pvalue), float("nan")
            )
        )  # fmt: skip
    adjusted = benjamini_hochberg(np.array([score.p_value for score in found]))
    return [replace(score, q_value=float(q)) for score, q in zip(found, adjusted, strict=True)]

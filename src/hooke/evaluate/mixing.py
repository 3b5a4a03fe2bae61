"""Mixing of batches and keeping of biology, in the manner of scIB; every score is between 0 and 1 and larger is better.

Source: Luecken et al. 2022 (scIB) for silhouettes, graph connectivity and their aggregate (0.4 batch + 0.6 biology); Korsunsky et al. 2019 for
LISI. Differs: neighbourhoods are the k nearest with equal weight instead of a Gaussian of fixed perplexity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.clustering import partition_agreement


@dataclass(frozen=True)
class Mixing:
    """Scores of one embedding.

    Attributes:
        silhouette_batch: 1 - |silhouette of batches| within each perturbation.
        ilisi: Effective number of batches among neighbours, scaled by what perfect mixing gives.
        connectivity: Share of each perturbation's rows in its largest connected part of the neighbour graph.
        silhouette_label: Silhouette of perturbations, (s + 1) / 2.
        clisi: 1 where neighbours have one perturbation, 0 where all of them are mixed.
        ami_label: AMI of k-means clusters with the perturbation, at least 0.
        batch: Mean of the first three.
        biology: Mean of the last three.
        total: 0.4 batch + 0.6 biology.
    """

    silhouette_batch: float
    ilisi: float
    connectivity: float
    silhouette_label: float
    clisi: float
    ami_label: float

    @property
    def batch(self) -> float:
        """Mixing of batches."""
        return float(np.nanmean([self.silhouette_batch, self.ilisi, self.connectivity]))

    @property
    def biology(self) -> float:
        """Keeping of perturbations apart."""
        return float(np.nanmean([self.silhouette_label, self.clisi, self.ami_label]))

    @property
    def total(self) -> float:
        """The usual aggregate."""
        return 0.4 * self.batch + 0.6 * self.biology


def mixing_scores(
    values: np.ndarray,
    labels: np.ndarray,
    batches: np.ndarray,
    *,
    generator: np.random.Generator,
    neighbours: int = 30,
    most: int = 5000,
) -> Mixing:
    """All scores.

    Args:
        values: (n, d).
        labels: (n,) perturbations.
        batches: (n,).
        generator: Draws rows where there are more than `most`, and starts k-means.
        neighbours: Of each row.
        most: Rows used.

    Raises:
        DataError: Fewer than two labels or batches, or too few rows.
    """
    values = np.asarray(values, np.float64)
    rows = np.arange(len(values))
    if len(rows) > most:
        rows = np.sort(generator.choice(len(values), most, replace=False))
    values = values[rows]
    names, label = np.unique(np.asarray(labels)[rows], return_inverse=True)
    kinds, batch = np.unique(np.asarray(batches)[rows], return_inverse=True)
    if len(names) < 2 or len(kinds) < 2 or len(values) < 3:
        raise DataError(f"mixing needs at least two labels and two batches, got {len(names)} and {len(kinds)}")
    near = _neighbours(values, min(neighbours, len(values) - 1))
    return Mixing(
        silhouette_batch=_silhouette_batch(values, label, batch),
        ilisi=_scaled_effective(batch[near], len(kinds)),
        connectivity=_connectivity(near, label),
        silhouette_label=_silhouette(values, label),
        clisi=1 - _scaled_effective(label[near], len(names)),
        ami_label=_cluster_ami(values, label, len(names), generator),
    )


def _neighbours(values: np.ndarray, count: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=count).fit(values).kneighbors(return_distance=False)


def _scaled_effective(codes: np.ndarray, kinds: int) -> float:
    """Mean over rows of (effective number of kinds among neighbours - 1) / (the most possible - 1)."""
    counts = np.stack([(codes == kind).sum(axis=1) for kind in range(kinds)], axis=1) / codes.shape[1]
    effective = 1 / (counts**2).sum(axis=1)
    return (
        float((effective.mean() - 1) / (min(kinds, codes.shape[1]) - 1))
        if min(kinds, codes.shape[1]) > 1
        else float("nan")
    )


def _silhouette(values: np.ndarray, codes: np.ndarray) -> float:
    from sklearn.metrics import silhouette_score

    kinds = len(np.unique(codes))
    return float((silhouette_score(values, codes) + 1) / 2) if 1 < kinds < len(values) else float("nan")


def _silhouette_batch(values: np.ndarray, label: np.ndarray, batch: np.ndarray) -> float:
    from sklearn.metrics import silhouette_samples

    scores = []
    for name in np.unique(label):
        rows = label == name
        kinds = len(np.unique(batch[rows]))
        if 1 < kinds < rows.sum():
            scores.append(1 - np.abs(silhouette_samples(values[rows], batch[rows])).mean())
    return float(np.mean(scores)) if scores else float("nan")


def _connectivity(near: np.ndarray, label: np.ndarray) -> float:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count = len(near)
    rows = np.repeat(np.arange(count), near.shape[1])
    same = label[rows] == label[near.ravel()]
    graph = csr_array((np.ones(same.sum()), (rows[same], near.ravel()[same])), shape=(count, count))
    parts = connected_components(graph, directed=False)[1]
    return float(
        np.mean([np.bincount(parts[label == name]).max() / (label == name).sum() for name in np.unique(label)])
    )


def _cluster_ami(values: np.ndarray, label: np.ndarray, kinds: int, generator: np.random.Generator) -> float:
    from sklearn.cluster import KMeans

    if kinds >= len(values):
        return float("nan")
    found = KMeans(kinds, n_init=1, random_state=int(generator.integers(2**31))).fit_predict(values)
    return max(0.0, partition_agreement(label, found)["ami"])

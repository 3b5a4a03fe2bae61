"""k-means as a read-out of embeddings without training: which classes do the clusters find, and do they find batches instead.

The assignment of clusters to classes is fitted on one split and scored on another; the same fitted on the scored split is given
as an upper bound and called so.

Source: Zheltonozhskii et al. 2020 (arXiv 2008.10312). Differs: full-batch Lloyd iterations with several starts; intervals over seeds.

Are members of known clusters (protein complexes) closer to each other than to the rest, cluster by cluster.

Source: EFAAR, cluster_benchmark: Kolmogorov-Smirnov test of within- against between-cluster cosines, clusters of at least ten genes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hooke.core.errors import DataError, UsageError
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


@dataclass(frozen=True)
class ClusteringScore:
    """Scores of one k-means run.

    Attributes:
        clusters: k.
        seed: Of the run.
        hungarian, majority: Accuracy on the scored split with the assignment of the other split.
        hungarian_bound, majority_bound: The same fitted on the scored split: upper bounds.
        ari, ami, v_measure, fowlkes_mallows: On the scored split, against the classes.
        ami_batch: AMI with the batch: low is good; NaN when no batches were given.
        silhouette: Of the clusters, without any label.
    """

    clusters: int
    seed: int
    hungarian: float
    majority: float
    hungarian_bound: float
    majority_bound: float
    ari: float
    ami: float
    v_measure: float
    fowlkes_mallows: float
    ami_batch: float
    silhouette: float


def count_matrix(clusters: np.ndarray, classes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(k, c) int64: how many rows are in each cluster and class."""
    flat = np.bincount(np.asarray(clusters) * shape[1] + np.asarray(classes), minlength=shape[0] * shape[1])
    return flat.reshape(shape)


def majority_assignment(counts: np.ndarray) -> np.ndarray:
    """(k,) the most frequent class of each cluster; an empty cluster gets the most frequent class of all."""
    return np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), counts.sum(axis=0).argmax())


def hungarian_assignment(counts: np.ndarray) -> np.ndarray:
    """(k,) the one-to-one assignment with the most rows; clusters left over get their most frequent class."""
    from scipy.optimize import linear_sum_assignment

    assigned = majority_assignment(counts)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    assigned[rows] = columns
    return assigned


def kmeans_evaluation(
    fitted: np.ndarray,
    fitted_classes: np.ndarray,
    scored: np.ndarray,
    scored_classes: np.ndarray,
    *,
    clusters: int | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    scored_batches: np.ndarray | None = None,
    components: int | None = None,
    starts: int = 3,
    silhouette_rows: int = 2000,
) -> list[ClusteringScore]:
    """k-means on the fitted split, scores on the other, one row a seed.

    Args:
        fitted: (n, d) embeddings that k-means and the assignment are fitted on.
        fitted_classes: (n,) labels (perturbations).
        scored: (m, d) other embeddings.
        scored_classes: (m,) their labels.
        clusters: k; None for the number of classes; more for over-clustering.
        seeds: One run each.
        scored_batches: (m,) batch labels.
        components: Principal components kept (fitted on the fitted split, applied to both); None for all.
        starts: Of k-means in each run.
        silhouette_rows: Rows of the silhouette, which costs their square.

    Raises:
        DataError: A split is empty, or has fewer rows than clusters.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    names = np.unique(np.concatenate([np.asarray(fitted_classes).astype(str), np.asarray(scored_classes).astype(str)]))
    count = clusters or len(names)
    if not len(scored) or len(fitted) < count:
        raise DataError(f"{len(fitted)} rows to fit {count} clusters and {len(scored)} rows to score")
    train = np.searchsorted(names, np.asarray(fitted_classes).astype(str))
    truth = np.searchsorted(names, np.asarray(scored_classes).astype(str))
    if components is not None:
        projection = PCA(components, random_state=0).fit(fitted)
        fitted, scored = projection.transform(fitted), projection.transform(scored)
    scores = []
    for seed in seeds:
        means = KMeans(count, n_init=starts, random_state=seed).fit(fitted)
        found = means.predict(scored)
        apart = count_matrix(means.labels_, train, (count, len(names)))
        bound = count_matrix(found, truth, (count, len(names)))

        def accuracy(assigned: np.ndarray, found: np.ndarray = found) -> float:
            return float((assigned[found] == truth).mean())

        agreement = partition_agreement(truth, found)
        scores.append(
            ClusteringScore(
                count, seed,
                accuracy(hungarian_assignment(apart)), accuracy(majority_assignment(apart)),
                accuracy(hungarian_assignment(bound)), accuracy(majority_assignment(bound)),
                agreement["ari"], agreement["ami"], agreement["v_measure"], agreement["fowlkes_mallows"],
                float("nan") if scored_batches is None else partition_agreement(np.asarray(scored_batches), found)["ami"],
                _silhouette(scored, found, silhouette_rows, seed),
            )
        )  # fmt: skip
    return scores


def over_clustering_curve(
    fitted: np.ndarray,
    fitted_classes: np.ndarray,
    scored: np.ndarray,
    scored_classes: np.ndarray,
    *,
    factors: Sequence[float] = (1, 2, 4),
    **options: object,
) -> list[ClusteringScore]:
    """`kmeans_evaluation` with k = factor * number of classes, for each factor that the rows allow.

    Raises:
        UsageError: No factor.
    """
    if not factors:
        raise UsageError("name at least one factor of over-clustering")
    classes = len(np.unique(np.concatenate([np.asarray(fitted_classes), np.asarray(scored_classes)]).astype(str)))
    counts = [round(factor * classes) for factor in factors]
    return [
        score
        for count in counts
        if 2 <= count <= len(fitted)
        for score in kmeans_evaluation(
            fitted, fitted_classes, scored, scored_classes, clusters=count, **options  # type: ignore[arg-type]
        )
    ]  # fmt: skip


def partition_agreement(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Adjusted Rand index, adjusted mutual information, V-measure and Fowlkes-Mallows of two partitions."""
    from sklearn.metrics import (
        adjusted_mutual_info_score,
        adjusted_rand_score,
        fowlkes_mallows_score,
        v_measure_score,
    )

    _, first = np.unique(np.asarray(truth), return_inverse=True)
    _, second = np.unique(np.asarray(found), return_inverse=True)
    measures = {
        "ari": adjusted_rand_score, "ami": adjusted_mutual_info_score, "v_measure": v_measure_score,
        "fowlkes_mallows": fowlkes_mallows_score,
    }  # fmt: skip
    return {name: float(measure(first, second)) for name, measure in measures.items()}


def _silhouette(values: np.ndarray, clusters: np.ndarray, most: int, seed: int) -> float:
    from sklearn.metrics import silhouette_score

    rows = np.arange(len(values))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(values), most, replace=False))
    found = len(np.unique(clusters[rows]))
    return float(silhouette_score(values[rows], clusters[rows])) if 1 < found < len(rows) else float("nan")

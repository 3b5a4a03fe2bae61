from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.evaluate.clustering import (
    count_matrix,
    hungarian_assignment,
    kmeans_evaluation,
    majority_assignment,
    over_clustering_curve,
    partition_agreement,
)


def data(apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.arange(200) % 4
    return apart * np.eye(4, 6)[labels] + generator.normal(size=(200, 6)), np.array(list("abcd"))[labels]


def test_assignments_by_hand() -> None:
    counts = np.array([[5, 4], [6, 1], [1, 3], [0, 0]])
    assert majority_assignment(counts).tolist() == [0, 0, 1, 0]
    assert hungarian_assignment(counts).tolist() == [1, 0, 1, 0]  # the third and the empty one are left over
    assert count_matrix(np.array([0, 1, 1]), np.array([0, 1, 1]), (2, 2)).tolist() == [[1, 0], [0, 2]]


def test_perfect_clusters_score_one_and_random_labels_nothing() -> None:
    values, labels = data(20)
    batches = np.arange(200) // 100
    [found] = kmeans_evaluation(
        values[:100], labels[:100], values[100:], labels[100:], seeds=[0], scored_batches=batches[100:]
    )
    for score in (
        found.hungarian,
        found.majority,
        found.hungarian_bound,
        found.ari,
        found.ami,
        found.v_measure,
        found.fowlkes_mallows,
    ):
        assert score == pytest.approx(1)
    assert found.ami_batch <= 1
    assert found.silhouette > 0.7
    shuffled = np.random.default_rng(1).permutation(labels)
    [random] = kmeans_evaluation(values[:100], shuffled[:100], values[100:], shuffled[100:], seeds=[0])
    assert abs(random.ari) < 0.1
    assert abs(random.ami) < 0.1
    assert np.isnan(random.ami_batch)
    assert random.hungarian_bound >= random.hungarian
    assert random.majority_bound >= random.majority


def test_clusters_that_follow_the_batch_are_seen() -> None:
    generator = np.random.default_rng(2)
    batches = np.arange(200) % 2
    values = 10 * np.eye(2, 5)[batches] + generator.normal(size=(200, 5))
    labels = generator.permutation(np.repeat(["a", "b"], 100))
    [found] = kmeans_evaluation(
        values[:100], labels[:100], values[100:], labels[100:], seeds=[0], scored_batches=batches[100:]
    )
    assert found.ami_batch > 0.95
    assert abs(found.ami) < 0.1


def test_over_clustering_and_components() -> None:
    values, labels = data(3)
    curve = over_clustering_curve(
        values[:100],
        labels[:100],
        values[100:],
        labels[100:],
        factors=(1, 2, 100),
        seeds=(0, 1),
        components=3,
        silhouette_rows=50,
    )
    assert [(score.clusters, score.seed) for score in curve] == [(4, 0), (4, 1), (8, 0), (8, 1)]
    with pytest.raises(UsageError, match="at least one factor"):
        over_clustering_curve(values, labels, values, labels, factors=())
    with pytest.raises(DataError, match="3 rows to fit 4 clusters"):
        kmeans_evaluation(values[:3], labels[:3], values, labels)


def test_agreement_of_a_partition_with_itself() -> None:
    assert set(partition_agreement(np.array(list("aabb")), np.array([1, 1, 0, 0])).values()) == {1.0}

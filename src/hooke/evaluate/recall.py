"""Relationship recall: how many known pairs lie in the tails of all pairs' cosines.

A pair with cosine q is recalled at the thresholds (l, r) when #{null <= q} / N <= l or #{null < q} / N >= r, where the null
holds the cosines of all N unordered pairs in scope. So similar and opposite profiles both count, and l + 1 - r is the recall of
random pairs.

Source: EFAAR (github.com/recursionpharma/EFAAR_benchmarking, commit 2248f40), known_relationship_benchmark.
Differs: the null can be restricted to entities of one kind; pairs are unique; ranks are exact without sorting the null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.known_pairs import KnownPairs
from hooke.evaluate.pair_cosines import order_statistics, pair_cosines, unit_rows

THRESHOLDS = ((0.05, 0.95), (0.1, 0.9))
MIN_ENTITIES = 20


@dataclass(frozen=True)
class Recall:
    """Recall of one source at one pair of thresholds.

    Attributes:
        source: Of the known pairs.
        left, right: Thresholds.
        recall: With its bootstrap interval over entities, the null held fixed; NaN without queries.
        chance: Recall of random pairs: left + 1 - right.
        null_scope: Which entities form the null: "all" or the kind.
        null_size: Number of pairs of the null.
        entities: Number of entities in scope.
        queries: Number of known pairs in scope.
        pairs: (queries, 2) int64, places of the queries among all entities.
        cosines: (queries,).
        recalled: (queries,) bool.
        cuts: The cosines below and above which a pair is recalled.
    """

    source: str
    left: float
    right: float
    recall: Interval
    chance: float
    null_scope: str
    null_size: int
    entities: int
    queries: int
    pairs: np.ndarray
    cosines: np.ndarray
    recalled: np.ndarray
    cuts: tuple[float, float]

    def to_json(self) -> dict[str, object]:
        """What is printed: never the recall without chance, null size and query count."""
        return {
            "source": self.source, "thresholds": [self.left, self.right], "recall": self.recall.value,
            "low": self.recall.low, "high": self.recall.high, "chance": self.chance, "null_scope": self.null_scope,
            "null_size": self.null_size, "entities": self.entities, "queries": self.queries,
        }  # fmt: skip


def relationship_recall(
    values: np.ndarray,
    entities: Sequence[str] | np.ndarray,
    sources: Mapping[str, KnownPairs],
    *,
    generator: np.random.Generator,
    thresholds: Sequence[tuple[float, float]] = THRESHOLDS,
    null_scope: str = "all",
    kinds: Sequence[str] | np.ndarray | None = None,
    min_entities: int = MIN_ENTITIES,
    resamples: int = 200,
) -> list[Recall]:
    """Recall of every source at every pair of thresholds.

    Args:
        values: (n, d), one row an entity.
        entities: (n,) unique names.
        sources: Known pairs, by source.
        generator: Draws the bootstrap resamples.
        thresholds: Pairs (left, right), left < right, between 0 and 1.
        null_scope: "all", or one of `kinds`: null and queries are then restricted to entities of that kind, so that
            thousands of compounds do not change the recall of genes.
        kinds: (n,) the kind of each entity ("gene", "compound").
        min_entities: Fewer in scope are refused.
        resamples: Of the bootstrap over entities; 0 for none.

    Raises:
        UsageError: Names repeat, a scope that no entity has, or wrong thresholds.
        DataError: Too few entities, or values that are not finite.
    """
    names = np.asarray(entities).astype(str)
    scope = _scope(names, null_scope, kinds)
    if len(np.asarray(values)) != len(names):
        raise DataError(f"{len(np.asarray(values))} profiles for {len(names)} names")
    if len(np.unique(names[scope])) != len(scope):
        twice = [
            str(name) for name, count in zip(*np.unique(names[scope], return_counts=True), strict=True) if count > 1
        ]
        raise UsageError(f"a map has one row an entity; these names repeat: {', '.join(twice[:5])}. Aggregate first")
    if len(scope) < max(min_entities, 2):
        raise DataError(
            f"{len(scope)} entities in the scope {null_scope!r}; recall needs at least {max(min_entities, 2)}"
        )
    for left, right in thresholds:
        if not 0 < left < right < 1:
            raise UsageError(f"thresholds must be 0 < left < right < 1, got ({left}, {right})")
    unit = unit_rows(np.asarray(values)[scope])
    size = len(scope) * (len(scope) - 1) // 2
    cuts = _cuts(unit, size, thresholds)
    weights = _weights(len(scope), resamples, generator)
    found = []
    for source, known in sources.items():
        pairs = known.places(names[scope])
        cosines = pair_cosines(unit, pairs[:, 0], pairs[:, 1])
        for (left, right), (low, high) in zip(thresholds, cuts, strict=True):
            recalled = (cosines < low) | (cosines > high)
            interval = _interval(recalled, pairs, weights)
            found.append(
                Recall(
                    source, left, right, interval, left + 1 - right, null_scope, size, len(scope), len(pairs),
                    scope[pairs], cosines, recalled, (low, high),
                )
            )  # fmt: skip
    return found


def recall_difference(
    first: Recall, second: Recall, *, generator: np.random.Generator, resamples: int = 1000
) -> Interval:
    """The first recall minus the second, with the 95% interval of a bootstrap over entities, the same draws for both.

    Args:
        first, second: Of one source, on maps of the same entities in the same order.
        generator: Draws the resamples.
        resamples: How many.

    Raises:
        UsageError: Their queries differ.
    """
    if not np.array_equal(first.pairs, second.pairs):
        raise UsageError("recalls can be compared in pairs when their queries are the same")
    names, places = np.unique(first.pairs, return_inverse=True)
    weights = _weights(len(names), resamples, generator)
    change = first.recalled.astype(np.float32) - second.recalled.astype(np.float32)
    return _interval(change, places.reshape(first.pairs.shape), weights)


def _scope(names: np.ndarray, null_scope: str, kinds: Sequence[str] | np.ndarray | None) -> np.ndarray:
    if null_scope == "all":
        return np.arange(len(names))
    if kinds is None:
        raise UsageError(f"null_scope={null_scope!r} needs the kind of each entity")
    scope = np.flatnonzero(np.asarray(kinds).astype(str) == null_scope)
    if not len(scope):
        raise UsageError(
            f"no entity is of the kind {null_scope!r}; there are: {', '.join(sorted(set(map(str, kinds))))}"
        )
    return scope


def _cuts(unit: np.ndarray, size: int, thresholds: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The cosines strictly below and strictly above which pairs are recalled.

    #{null <= q} <= l N holds exactly when q is below the sorted null at floor(l N); #{null < q} >= r N exactly when q is above
    the sorted null at ceil(r N) - 1. The divisions are those of the definition, so that equal ranks fall on equal sides.
    """
    places = [(_most(left, size), _least(right, size) - 1) for left, right in thresholds]
    wanted = [place for pair in places for place in pair if 0 <= place < size]
    values = dict(zip(wanted, order_statistics(unit, wanted), strict=True))
    return [(values.get(low, math.inf), values.get(high, -math.inf)) for low, high in places]


def _most(share: float, size: int) -> int:
    """The largest count k with k / size <= share."""
    count = int(share * size) + 1
    while count / size > share:
        count -= 1
    return count


def _least(share: float, size: int) -> int:
    """The smallest count k with k / size >= share."""
    count = max(int(share * size) - 1, 0)
    while count / size < share:
        count += 1
    return count


def _weights(count: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """(count, resamples) float32: how often each entity is drawn."""
    draws = (
        generator.multinomial(count, np.full(count, 1 / count), size=resamples) if resamples else np.zeros((0, count))
    )
    return np.ascontiguousarray(draws.T, np.float32)


def _interval(recalled: np.ndarray, pairs: np.ndarray, weights: np.ndarray) -> Interval:
    """Recall and its 95% percentile interval; a pair counts as often as both its ends are drawn together."""
    if not len(recalled):
        return Interval(math.nan, math.nan, math.nan)
    value = float(recalled.mean())
    hits, total = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for start in range(0, len(pairs), 8192):
        part = slice(start, start + 8192)
        both = weights[pairs[part, 0]] * weights[pairs[part, 1]]
        total += both.sum(axis=0)
        hits += recalled[part].astype(np.float32) @ both
    shares = hits[total > 0] / total[total > 0]
    if len(shares) < 20:
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(shares, [0.025, 0.975])
    return Interval(value, float(low), float(high))

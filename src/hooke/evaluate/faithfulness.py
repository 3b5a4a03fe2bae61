"""How faithful explanations of predictions are: to the model, to the truth, and beyond what degrees alone would give.

A prediction that is a sum of parts, d = sum_q p_q, one for each neighbour q, has the contributions

    c_q = <p_q, d> / <d, d>,        sum_q c_q = 1

Fidelity asks whether d moves further without the largest parts than without random ones; truth agreement whether neighbours that contribute
more are more alike in what was measured; accuracy lost by deletion whether the prediction gets worse without them. Each has a null that keeps
degrees: contributions are permuted among neighbours of nearly equal degree. Recall of relations counts ties at the cut by their share, so that
a table of equal cosines has the recall of chance.

Source: deletion: Samek et al. 2017 (doi:10.1109/TNNLS.2016.2599820); recall in the tails: EFAAR (see `hooke.evaluate.recall`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hooke.core.errors import UsageError
from hooke.evaluate.bootstrap import Interval, paired_difference, percentiles
from hooke.evaluate.metrics import roc_auc, spearman

SHARE = 0.25  # of the neighbours that is deleted
TAIL = 0.05  # of all pairs, on either side
_STRATUM = 4  # neighbours of nearly equal degree
_RESAMPLES = 1000


@dataclass(frozen=True)
class Faithfulness:
    """One measure beside its null.

    Attributes:
        value: With its 95 % interval.
        null: Mean under the null, and the band that holds 95 % of it.
        gain: Value less null, paired where it can be.
        count: Of what it is a mean over, or of positives.
    """

    value: Interval
    null: Interval
    gain: Interval
    count: int

    @property
    def verdict(self) -> str:
        """One line."""
        if not np.isfinite(self.gain.low):
            return "not defined here"
        if self.gain.low > 0:
            return "above its null"
        return "below its null" if self.gain.high < 0 else "null result: not told from its null"


_NONE = Interval(np.nan, np.nan, np.nan)
UNDEFINED = Faithfulness(_NONE, _NONE, _NONE, 0)


def contributions(parts: np.ndarray) -> np.ndarray:
    """(q,) c of the parts (q, g) of one prediction; NaN where their sum is zero."""
    total = parts.sum(axis=0)
    size = float(total @ total)
    return parts @ total / size if size > 0 else np.full(len(parts), np.nan)


def strata(degrees: np.ndarray, size: int = _STRATUM) -> np.ndarray:
    """(n,) int64 stratum of each item: neighbours in the order of degrees, `size` to a stratum, the last one up to twice as many."""
    order = np.argsort(degrees, kind="stable")
    found = np.empty(len(order), np.int64)
    found[order] = np.minimum(np.arange(len(order)) // size, max(len(order) // size - 1, 0))
    return found


def permutations(stratum: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """(draws, n) int64 permutations of 0 ... n - 1 that move items within their stratum alone."""
    places = np.argsort(stratum, kind="stable")
    keys = generator.random((draws, len(stratum)))
    shuffled = np.argsort(stratum[places] + keys[:, : len(stratum)], axis=1, kind="stable")
    found = np.empty_like(shuffled)
    found[:, places] = places[shuffled]
    return found


def agreement(
    contribution: np.ndarray, similarity: np.ndarray, degrees: np.ndarray, draws: int, generator: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Spearman correlation over the neighbours of one perturbation, and of permuted contributions.

    Args:
        contribution, similarity: (q,) of the model, and measured.
        degrees: (q,) of the neighbours.
        draws: Of the null.
        generator: Of the null.

    Returns:
        The correlation, and (draws,).
    """
    order = permutations(strata(degrees), draws, generator)
    value = float(spearman(contribution[:, None], similarity[:, None])[0])
    return value, spearman(contribution[order].T, np.repeat(similarity[:, None], draws, axis=1))


def largest(contribution: np.ndarray, share: float = SHARE) -> np.ndarray:
    """(q,) bool: the share of largest contributions, one at least."""
    found = np.zeros(len(contribution), bool)
    found[np.argsort(-contribution, kind="stable")[: max(1, int(share * len(contribution)))]] = True
    return found


def deletion(
    parts: np.ndarray, top: np.ndarray, degrees: np.ndarray, draws: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How a prediction moves without the top parts, without random ones, and without ones of nearly the same degrees.

    Args:
        parts: (q, g) of the neighbours.
        top: (q,) bool.
        degrees: (q,) of the neighbours.
        draws: Of the two random kinds.
        generator: Of the draws.

    Returns:
        (g,), (draws, g) and (draws, g): what is taken away from the prediction.
    """
    anyone = permutations(np.zeros(len(top), np.int64), draws, generator)
    alike = permutations(strata(degrees), draws, generator)
    return top @ parts, top[anyone] @ parts, top[alike] @ parts


def summarised(values: np.ndarray, nulls: np.ndarray, generator: np.random.Generator) -> Faithfulness:
    """The mean over perturbations; undefined where none has a value.

    Args:
        values: (n,), NaN where it is not defined.
        nulls: (n, draws).
        generator: Of the bootstraps over perturbations.
    """
    known = ~np.isnan(values) & ~np.isnan(nulls).all(axis=-1)
    if not known.any():
        return UNDEFINED
    values, nulls = values[known], nulls[known]
    each = np.nanmean(nulls, axis=0)
    return Faithfulness(
        paired_difference(values, generator=generator),
        Interval(float(np.nanmean(each)), *percentiles(each, 0.95)),
        paired_difference(values - np.nanmean(nulls, axis=1), generator=generator),
        len(values),
    )


def ranked(
    scores: np.ndarray,
    positive: np.ndarray,
    stratum: np.ndarray,
    generator: np.random.Generator,
    draws: int = _RESAMPLES,
) -> Faithfulness:
    """Area under the ROC curve of scores for what is positive; scores are permuted within strata for the null.

    Args:
        scores: (n,).
        positive: (n,) bool.
        stratum: (n,) of what is exchangeable.
        generator: Of bootstrap and null.
        draws: Of each.
    """
    count = int(positive.sum())
    if not 0 < count < len(positive):
        return replace(UNDEFINED, count=count)
    true = positive.astype(np.float64)
    value = float(roc_auc(scores[:, None], true[:, None])[0])
    null = np.concatenate([
        roc_auc(scores[part].T, np.repeat(true[:, None], len(part), axis=1))
        for part in np.array_split(permutations(stratum, draws, generator), max(1, draws * len(scores) // 1_000_000))
    ])  # fmt: skip
    rows = generator.integers(0, len(scores), (draws, len(scores)))
    resampled = np.concatenate([
        roc_auc(scores[part].T, true[part].T) for part in np.array_split(rows, max(1, draws * len(scores) // 1_000_000))
    ])  # fmt: skip
    low, high = percentiles(resampled, 0.95)
    middle, band = float(null.mean()), percentiles(null, 0.95)
    # the null is a distribution of its own: the value counts as above it beyond its band
    return Faithfulness(
        Interval(value, low, high), Interval(middle, *band), Interval(value - middle, value - band[1], value - band[0]), count
    )  # fmt: skip


def tail_membership(cosines: np.ndarray, queries: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """(q,) how far each query lies in either tail of all pairs: 1, 0, or at a cut the share of the ties there that still belongs to it.

    Args:
        cosines: (pairs,) of all pairs.
        queries: (q,) cosines, each of one of the pairs.
        tail: Share of all pairs on either side.

    Raises:
        UsageError: The share is not between 0 and 1/2.
    """
    if not 0 < tail < 0.5:
        raise UsageError(f"a tail holds between 0 and half of all pairs, got {tail}")
    ordered = np.sort(cosines)
    room = tail * len(ordered)
    below = np.searchsorted(ordered, queries, side="left")
    upto = np.searchsorted(ordered, queries, side="right")
    ties = np.maximum(upto - below, 1)
    low = np.clip((room - below) / ties, 0.0, 1.0)
    high = np.clip((room - (len(ordered) - upto)) / ties, 0.0, 1.0)
    return np.minimum(low + high, 1.0)


def shared_cosines(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n, n) cosines of rows, each over the read-outs that both know; 0 where either is zero there.

    Args:
        values: (n, g).
        known: (n, g) bool.
    """
    filled = np.where(known, values, 0.0)
    mask = known.astype(np.float64)
    lengths = np.sqrt((filled**2) @ mask.T)
    size = lengths * lengths.T
    return np.divide(filled @ filled.T, size, out=np.zeros_like(size), where=size > 0)


def retained(
    predicted: np.ndarray, measured: np.ndarray, pairs: np.ndarray, count: int, generator: np.random.Generator,
    chance: tuple[float, float] = (2 * TAIL, 2 * TAIL),
) -> Interval:  # fmt: skip
    """(recall on predicted - chance) / (recall on measured - chance), with a bootstrap over entities.

    Args:
        predicted, measured: (q,) memberships of the same pairs in the tails.
        pairs: (q, 2) places of the entities.
        count: Of entities.
        generator: Of the bootstrap.
        chance: Of predicted and of measured profiles, held fixed.
    """
    if not len(pairs):
        return UNDEFINED.value
    weights = _resampled(pairs, count, generator)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (predicted.mean() - chance[0]) / (measured.mean() - chance[1])
        values = (weights @ predicted - chance[0]) / (weights @ measured - chance[1])
    return Interval(float(value), *percentiles(values[np.isfinite(values)], 0.95))


def resampled_mean(values: np.ndarray, pairs: np.ndarray, count: int, generator: np.random.Generator) -> Interval:
    """Mean over pairs, with a bootstrap over their entities; arguments as in `retained`."""
    if not len(pairs):
        return UNDEFINED.value
    return Interval(float(values.mean()), *percentiles(_resampled(pairs, count, generator) @ values, 0.95))


def _resampled(pairs: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """(resamples, q) weights that sum up to 1: a pair counts as often as both its ends are drawn together."""
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES).astype(np.float64)
    both = drawn[:, pairs[:, 0]] * drawn[:, pairs[:, 1]]
    total = both.sum(axis=1)
    return both[total > 0] / total[total > 0, None]


def refuse_own(used: set[str], asked: set[str], *, forced: bool = False) -> None:
    """Recall of relations that the model was given says nothing: the answer is in the question.

    Args:
        used: Sources of the model's graph.
        asked: Sources whose relations are to be recalled.
        forced: Ask all the same.

    Raises:
        UsageError: A source is both, and it is not forced.
    """
    both = sorted(used & asked)
    if both and not forced:
        raise UsageError(
            f"the model's own graph holds {', '.join(both)}: what it was given is no evidence; ask a source outside the graph"
            " (`hooke benchmark` shows the leak all the same with --own-relations)"
        )

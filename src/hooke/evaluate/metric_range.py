"""What a metric can tell apart on a screen: its dynamic range between a technical duplicate and a baseline without information.

    DRF = (s_dup - s_neg) / (s_perfect - s_neg)

s_dup scores one half of a perturbation's cells as the prediction of the other half; s_neg the mean of the other perturbations, or the control
for metrics that are measured from the mean of perturbed profiles. Below 0.1 a metric cannot tell a replicate from the mean: it is blind here.
The truth has one half of the controls subtracted, predictions see the other. Values are not clipped.

Source: bioRxiv 2025.10.20.683304 (dynamic range fraction, interpolated duplicate, weights by |t|), which clips to [-1, 1].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hooke.evaluate.ceilings import (
    Halves,
    Parts,
    control_means,
    correlation,
    halves_of,
    nan_mean,
    piece_means,
    shares,
    split,
    weighted,
)
from hooke.evaluate.differential import GeneTests, welch
from hooke.evaluate.response import METRICS, Target, de_weights, score

DRAWS = 20
BLIND = 0.1
SOLVED, RESISTANT = 0.8, 0.3
DUPLICATE, INTERPOLATED, MEAN, CONTROL = "duplicate", "interpolated duplicate", "mean", "control"
SATURATION_METRIC = "weighted_mse"


@dataclass(frozen=True)
class Draw:
    """Two halves of the cells and controls of one context: the second is the truth, the first may be learnt from.

    Attributes:
        halves: Profiles and controls.
        test: Of the first half against its controls.
        target: The second half, with weights from the first.
        seen_controls: (C, L) 0 or 1: parts of the controls that may be seen.
        shares: (P, C) of the cells of the first half that each batch gave.
    """

    halves: Halves
    test: GeneTests
    target: Target
    seen_controls: np.ndarray
    shares: np.ndarray

    def reference_halves(self, parts: Parts, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(P, G) twice: means of two disjoint halves of the controls that may be seen."""
        chosen = split(parts.control_counts * self.seen_controls, 2, generator)
        means = piece_means(chosen, parts.controls, parts.control_counts)
        return weighted(self.shares, means[0]), weighted(self.shares, means[1])

    @property
    def seen(self) -> np.ndarray:
        """(P, G) profiles of the half that may be learnt from."""
        return self.halves.profiles[0]

    @property
    def reference(self) -> np.ndarray:
        """(P, G) the controls that may be seen."""
        return self.halves.controls[0]

    @property
    def seen_delta(self) -> np.ndarray:
        """(P, G) changes of the half that may be learnt from."""
        return self.seen - self.reference

    def predictions(self) -> dict[str, np.ndarray]:
        """Duplicate, interpolated duplicate, leave-one-out mean and control: (P, G) each."""
        mean = self.reference + leave_one_out(self.seen_delta)
        trust = 1 - np.nan_to_num(self.test.p_value, nan=1.0)
        interpolated = trust * self.seen + (1 - trust) * mean
        return {DUPLICATE: self.seen, INTERPOLATED: interpolated, MEAN: mean, CONTROL: self.reference}


@dataclass(frozen=True)
class MetricRange:
    """One metric on one context.

    Attributes:
        metric: Its name.
        perfect: Value of the truth.
        scores: Prediction → mean over perturbations and draws; NaN where undefined.
        undefined: Prediction → perturbations whose score is undefined.
        fraction: DRF.
    """

    metric: str
    perfect: float
    scores: Mapping[str, float]
    undefined: Mapping[str, int]
    fraction: float

    @property
    def blind(self) -> bool:
        """Whether it cannot tell a replicate from a prediction without information."""
        return not self.fraction >= BLIND


def draws_of(parts: Parts, draws: int, generator: np.random.Generator) -> Iterator[Draw]:
    """Draws of halves of one context; of a screen whose squares are kept for two halves only, these two, either way round.

    Args:
        parts: Of one context.
        draws: How many.
        generator: Draws.
    """
    coarse = parts.squares.shape[1] != parts.counts.shape[1]
    for number in range(min(draws, 2) if coarse else draws):
        if coarse:
            chosen, control_chosen = (
                _fixed(counts, swap=bool(number)) for counts in (parts.counts, parts.control_counts)
            )
        else:
            chosen, control_chosen = split(parts.counts, 2, generator), split(parts.control_counts, 2, generator)
        means = piece_means(control_chosen, parts.controls, parts.control_counts)
        halves = halves_of(parts, chosen, means, slice(None))
        first, second = (_tested(parts, halves, chosen, control_chosen, means, half) for half in range(2))
        target = Target(
            halves.profiles[1], halves.controls[1], halves.controls[0], parts.scored, de_weights(first.statistic, parts.scored),
            second.significant(),
        )  # fmt: skip
        own = (
            np.einsum("rk,rck->rc", chosen[0], parts.numbers)
            / np.where(halves.counts[0] > 0, halves.counts[0], np.nan)[:, None]
        )
        yield Draw(halves, first, target, control_chosen[0], own)


def leave_one_out(deltas: np.ndarray) -> np.ndarray:
    """(P, G) for each row the mean of the other known rows; NaN where there is none."""
    known = ~np.isnan(deltas).any(axis=1)
    kept = np.where(known[:, None], deltas, 0.0)
    count = known.sum() - known
    return (kept.sum(axis=0) - kept) / np.where(count > 0, count, np.nan)[:, None]


def metric_ranges(
    parts: Parts, *, draws: int = DRAWS, seed: int = 0, names: Sequence[str] = tuple(METRICS)
) -> tuple[list[MetricRange], np.ndarray]:
    """Dynamic ranges on one context, and the saturation of each perturbation.

    Args:
        parts: Of one context.
        draws: Of halves.
        seed: Of the draws.
        names: Metrics.

    Returns:
        The ranges, and (P,) (s_mean - s_control) / (s_duplicate - s_control) of the weighted error: above 0.8 a perturbation is solved by
        the mean, below 0.3 it resists; NaN where a duplicate is no better than the control.
    """
    values: dict[tuple[str, str], list[np.ndarray]] = {}
    for draw in draws_of(parts, draws, np.random.default_rng([seed, 6])):
        for prediction, profiles in draw.predictions().items():
            for name, found in score(profiles, draw.target, tuple(names)).items():
                values.setdefault((name, prediction), []).append(found)
    averages = {key: nan_mean(np.stack(found), axis=0) for key, found in values.items()}
    ranges = []
    for name in names:
        metric = METRICS[name]
        own = {prediction: averages[name, prediction] for prediction in (DUPLICATE, INTERPOLATED, MEAN, CONTROL)}
        scores = {prediction: float(nan_mean(found, axis=0)) for prediction, found in own.items()}
        undefined = {prediction: int(np.isnan(found).sum()) for prediction, found in own.items()}
        zero = scores[CONTROL if metric.needs_mean else MEAN]
        ranges.append(
            MetricRange(name, metric.perfect, scores, undefined, normalised(scores[DUPLICATE], zero, metric.perfect))
        )
    return ranges, saturation(averages) if SATURATION_METRIC in names else np.full(len(parts.counts), np.nan)


def saturation(averages: Mapping[tuple[str, str], np.ndarray]) -> np.ndarray:
    """See `metric_ranges`."""
    duplicate, mean, control = (averages[SATURATION_METRIC, name] for name in (DUPLICATE, MEAN, CONTROL))
    return np.where(
        duplicate < control, (mean - control) / np.where(duplicate < control, duplicate - control, 1.0), np.nan
    )


def normalised(value: float, zero: float, top: float) -> float:
    """(value - zero) / (top - zero), not clipped; NaN where the two ends are equal."""
    return (value - zero) / (top - zero) if top != zero else np.nan


@dataclass(frozen=True)
class Additive:
    """The sum of single effects as the prediction of doubles whose singles were both measured.

    Attributes:
        rows: Of the doubles.
        disjoint: (doubles,) correlation with the truth, all of disjoint cells and controls.
        shared: (doubles,) with one control mean in all of them, which inflates it.
        ceiling: (doubles,) of disjoint halves of the doubles.
    """

    rows: np.ndarray
    disjoint: np.ndarray
    shared: np.ndarray
    ceiling: np.ndarray


def additive(parts: Parts, doubles: Sequence[tuple[int, int, int]], *, draws: int = DRAWS, seed: int = 0) -> Additive:
    """Score the sum of single effects.

    Args:
        parts: Of one context.
        doubles: Rows of a double and of its two singles.
        draws, seed: Of halves.
    """
    both, first, second = np.array(doubles).T
    disjoint, ceiling = [], []
    for draw in draws_of(parts, draws, np.random.default_rng([seed, 7])):
        change = draw.seen_delta
        disjoint.append(correlation(change[first] + change[second], draw.target.delta[both], parts.scored[both]))
        ceiling.append(correlation(change[both], draw.target.delta[both], parts.scored[both]))
    means = parts.perturbed.sum(axis=1) / parts.counts.sum(axis=1, keepdims=True)
    change = means - weighted(shares(parts), control_means(parts))
    shared = correlation(change[first] + change[second], change[both], parts.scored[both])
    return Additive(both, nan_mean(np.stack(disjoint), axis=0), shared, nan_mean(np.stack(ceiling), axis=0))


def _fixed(counts: np.ndarray, *, swap: bool) -> np.ndarray:
    """(2, groups, parts) the first and the second half of the parts, or the other way round."""
    first = np.zeros(counts.shape)
    first[:, : counts.shape[1] // 2] = 1
    return np.stack([1 - first, first] if swap else [first, 1 - first])


def _tested(
    parts: Parts, halves: Halves, chosen: np.ndarray, control_chosen: np.ndarray, means: np.ndarray, half: int
) -> GeneTests:
    """Welch's test of one half against its controls."""
    counts = halves.counts[half]
    variances = _variances(parts.squares, chosen[half], halves.profiles[half], counts)
    control_counts = (control_chosen[half] * parts.control_counts).sum(axis=1)
    control_variances = _variances(parts.control_squares, control_chosen[half], means[half], control_counts)
    own = np.einsum("rk,rck->rc", chosen[half], parts.numbers) / np.where(counts > 0, counts, np.nan)[:, None]
    errors = weighted(own**2, control_variances / np.where(control_counts > 0, control_counts, np.nan)[:, None])
    seen = (own > 0) @ control_counts
    return welch(halves.profiles[half], variances, counts, halves.controls[half], errors, seen)


def _variances(squares: np.ndarray, chosen: np.ndarray, means: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(groups, G) variances with n - 1; NaN of fewer than two cells."""
    if squares.shape[1] != chosen.shape[1]:
        size = chosen.shape[1] // squares.shape[1]
        chosen = chosen[:, ::size]
    sums = np.matmul(chosen[:, None, :].astype(squares.dtype), squares)[:, 0].astype(np.float64)
    spread = np.maximum(sums - counts[:, None] * means**2, 0.0)
    return spread / np.where(counts > 1, counts - 1, np.nan)[:, None]

"""Scores of models on one context: raw, and between null and ceiling, with intervals over perturbations and paired differences.

    normalised = (s - null) / (ceiling - null)

The ceiling is the technical duplicate, the null controls against controls, both scored against the same truth as the model: 1 is as good as a
replicate of half of the cells, below 0 is worse than no information; nothing is clipped. Draws of halves are averaged for each
perturbation first; perturbations whose score is undefined are counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.ceilings import Parts, nan_mean
from hooke.evaluate.metric_range import CONTROL, DRAWS, DUPLICATE, MEAN, Draw, draws_of, normalised
from hooke.evaluate.response import EVERY, METRICS, score

Predictor = Callable[[Draw], np.ndarray]
NULL = "null"
BASELINES = (MEAN, CONTROL)
_UNKNOWN = Interval(np.nan, np.nan, np.nan)
_RESAMPLES = 1000
_FEWEST = 3  # perturbations that an interval needs


@dataclass(frozen=True)
class ModelScore:
    """One model, by one metric.

    Attributes:
        model, metric: Names.
        higher_is_better: Of the metric.
        value: Mean over perturbations, with its interval.
        normalised: Between null and ceiling, with its interval.
        null, ceiling: Means of theirs.
        scored: Perturbations with a defined score.
        undefined: Perturbations without one.
        baseline: The best baseline by this metric, "" for a baseline itself.
        difference: Model minus baseline, paired over perturbations.
    """

    model: str
    metric: str
    higher_is_better: bool
    value: Interval
    normalised: Interval
    null: float
    ceiling: float
    scored: int
    undefined: int
    baseline: str = ""
    difference: Interval = _UNKNOWN


def model_scores(
    parts: Parts, models: Mapping[str, Predictor], *, baselines: Mapping[str, Predictor] | None = None, names: Sequence[str] = tuple(METRICS),
    draws: int = DRAWS, seed: int = 0,
) -> list[ModelScore]:  # fmt: skip
    """Score models and baselines on one context.

    Args:
        parts: Of the context.
        models: Name → (P, G) profiles, given what a draw may be learnt from; NaN rows are perturbations that are not predicted.
        baselines: Further ones beside the mean of the other perturbations and the control.
        names: Metrics.
        draws: Of halves.
        seed: Of draws and intervals.
    """
    averages = averaged(parts, {**models, **(baselines or {})}, names=names, draws=draws, seed=seed)
    known = [*BASELINES, *(baselines or {})]
    found = []
    for metric in names:
        best = best_of(metric, {name: averages[metric, name] for name in known})
        for model in (*models, *known):
            against = best if model in models else ""
            found.append(_scored(metric, model, averages, against, seed))
    return found


def averaged(
    parts: Parts, predictors: Mapping[str, Predictor], *, names: Sequence[str], draws: int, seed: int
) -> dict[tuple[str, str], np.ndarray]:
    """(metric, prediction) → (P,) means over draws, of the predictors, the duplicate, mean, control and null."""
    generator = np.random.default_rng([seed, 8])
    values: dict[tuple[str, str], list[np.ndarray]] = {}
    for draw in draws_of(parts, draws, generator):
        built_in = draw.predictions()
        predicted = {name: built_in[name] for name in (DUPLICATE, *BASELINES)}
        predicted.update({name: predict(draw) for name, predict in predictors.items()})
        for name, profiles in predicted.items():
            for metric, found in score(profiles, draw.target, tuple(names)).items():
                values.setdefault((metric, name), []).append(found)
        first, second = draw.reference_halves(parts, generator)
        for metric, found in score(second, replace(draw.target, reference=first), tuple(names)).items():
            values.setdefault((metric, NULL), []).append(found)
    return {key: nan_mean(np.stack(found), axis=0) for key, found in values.items()}


def best_of(metric: str, values: Mapping[str, np.ndarray]) -> str:
    """The prediction with the best mean, among those that are defined for as many perturbations as any other."""
    counts = {name: int((~np.isnan(found)).sum()) for name, found in values.items()}
    full = [name for name, count in counts.items() if count and count == max(counts.values())]
    sign = 1 if EVERY[metric].higher_is_better else -1
    return max(full, key=lambda name: sign * float(nan_mean(values[name], axis=0)), default="")


def _scored(
    metric: str, model: str, averages: Mapping[tuple[str, str], np.ndarray], against: str, seed: int
) -> ModelScore:
    own, null, ceiling = (averages[metric, name] for name in (model, NULL, DUPLICATE))
    defined = ~np.isnan(own)
    value = _interval(own[defined][:, None], lambda means: means[:, 0], seed)
    all_three = defined & ~np.isnan(null) & ~np.isnan(ceiling)
    scaled = _interval(
        np.column_stack([own, null, ceiling])[all_three],
        lambda means: np.array([normalised(*row) for row in means]),
        seed,
    )
    difference = _UNKNOWN
    if against:
        paired = own - averages[metric, against]
        paired = paired[~np.isnan(paired)]
        if len(paired):
            difference = paired_difference(paired, generator=np.random.default_rng([seed, 9]), resamples=_RESAMPLES)
    return ModelScore(
        model, metric, EVERY[metric].higher_is_better, value, scaled, float(nan_mean(null, axis=0)), float(nan_mean(ceiling, axis=0)),
        int(defined.sum()), int((~defined).sum()), against, difference,
    )  # fmt: skip


def _interval(rows: np.ndarray, value: Callable[[np.ndarray], np.ndarray], seed: int) -> Interval:
    """A function of means over perturbations, with the percentile interval of resampled perturbations."""
    if not len(rows):
        return _UNKNOWN
    centre = float(value(rows.mean(axis=0)[None])[0])
    if len(rows) < _FEWEST:
        return Interval(centre, np.nan, np.nan)
    chosen = np.random.default_rng([seed, 10]).integers(0, len(rows), (_RESAMPLES, len(rows)))
    values = value(rows[chosen].mean(axis=1))
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Interval(centre, np.nan, np.nan)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Interval(centre, float(low), float(high))

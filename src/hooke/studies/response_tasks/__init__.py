"""How the tasks of `hooke benchmark responses` are measured: one file a protocol, with `measure(task, show_progress)`.

A protocol yields one `Measured` a split: the scores of every model on the same held-out conditions, so that differences are paired.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from hooke.cells.graph import Graph
from hooke.core import registry
from hooke.core.how import How
from hooke.core.paths import cache_folder
from hooke.estimators.responses import Knowledge
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.pooled import Pooled, Score
from hooke.suites import ResponseTask

FOLDS = 5
REWIRED = 3  # copies of the graph
DOWNSAMPLED = 0.5  # share of the edges
LOWER_IS_BETTER = ("rmse",)
MATERIAL = 0.01  # of r: a graph that gains no more than this does not help
Measure = Callable[[ResponseTask, bool], Iterator["Measured"]]


@dataclass(frozen=True)
class ModelScore:
    """One model on one split.

    Attributes:
        model: Its name, with what was changed: "graph_kernel_ridge, rewired 1".
        score, low, high: Over the held-out conditions; None where it is not defined.
        gain, gain_low, gain_high: The score less that of the baseline, paired; None of the baseline itself.
        undefined: Conditions without a score.
        fallbacks: Conditions that were predicted by the mean for want of knowledge.
    """

    model: str
    score: float | None
    low: float | None = None
    high: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    undefined: int = 0
    fallbacks: int = 0


@dataclass(frozen=True)
class Measured:
    """All models on one split of one task.

    Attributes:
        task, split: What was held out.
        metric: "r" (mean over conditions of Pearson's r over read-outs), "pearson" or "rmse" (over all held-out cells).
        over: What intervals are over: "genes".
        count: Held-out conditions.
        baseline: What gains are over.
        scores: Of each model.
        verdict: One line.
        references: Ceilings and other facts of the data: name → number.
    """

    task: str
    split: str
    metric: str
    over: str
    count: int
    baseline: str
    scores: tuple[ModelScore, ...]
    verdict: str
    references: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Measured:
        """Back from `to_json`."""
        return cls(**{**values, "scores": tuple(ModelScore(**score) for score in values["scores"])})

    def of(self, model: str) -> ModelScore:
        """The scores of one model.

        Raises:
            KeyError: It was not measured.
        """
        for score in self.scores:
            if score.model == model:
                return score
        raise KeyError(model)


def protocol(name: str) -> Measure:
    """The function `measure` of a protocol."""
    return importlib.import_module(f"{__name__}.{name}").measure


def prepared(task: ResponseTask, show_progress: bool) -> Any:
    """The store of the task's data set."""
    module = registry.module("datasets", task.dataset)
    return module.Dataset(module.Config()).prepare(cache_folder() / "stores", How(show_progress=show_progress))


def folds_of(count: int, seed: int = 0, folds: int = FOLDS) -> list[np.ndarray]:
    """Rows of each fold: a random permutation cut into nearly equal parts."""
    return [np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(count), folds)]


def variants(
    models: Sequence[str], graph: Graph, others: Knowledge = Knowledge(), rewired: int | None = None, downsampled: bool = True
) -> Iterator[tuple[str, str, Knowledge]]:  # fmt: skip
    """(shown name, model, knowledge): every model as it is, then those with a graph on changed copies of it.

    Args:
        models: Registered names.
        graph: Over everything that is perturbed.
        others: What else is known.
        rewired: Number of rewired copies; `REWIRED` by default.
        downsampled: Whether there is a copy with `DOWNSAMPLED` of the edges.
    """
    graphs = {
        f"rewired {number + 1}": graph.rewired(number) for number in range(REWIRED if rewired is None else rewired)
    }
    if downsampled:
        graphs[f"{DOWNSAMPLED:.0%} of the edges"] = graph.downsampled(DOWNSAMPLED)
    for model in models:
        yield model, model, replace(others, graph=graph)
    for model in models:
        made = registry.module("response_models", model).ResponseModel
        if "graph" in (*made.uses, *made.may_use):
            for name, changed in graphs.items():
                yield f"{model}, {name}", model, replace(others, graph=changed)


def mean_scores(
    scores: Mapping[str, np.ndarray], baseline: str, fallbacks: Mapping[str, int] | None = None, seed: int = 0
) -> tuple[ModelScore, ...]:
    """From a score a condition: means, and paired gains over the baseline on conditions where both are defined.

    Args:
        scores: Model → (n,), NaN where it is not defined.
        baseline: One of them.
        fallbacks: Model → rows.
        seed: Of the bootstraps.
    """
    found = []
    for model, values in scores.items():
        defined = values[~np.isnan(values)]
        mean = paired_difference(defined, generator=np.random.default_rng(seed)) if len(defined) else None
        both = values - scores[baseline]
        both = both[~np.isnan(both)]
        gain = None
        if model != baseline and len(both):
            gain = paired_difference(both, generator=np.random.default_rng(seed))
        found.append(_model_score(model, mean, gain, len(values) - len(defined), (fallbacks or {}).get(model, 0)))
    return tuple(found)


def pooled_scores(
    cells: Mapping[str, np.ndarray], true: np.ndarray, groups: np.ndarray, metric: Score, baseline: str,
    fallbacks: Mapping[str, int] | None = None, seed: int = 0,
) -> tuple[ModelScore, ...]:  # fmt: skip
    """From predictions of cells: one score over all, intervals and paired gains over groups.

    Args:
        cells: Model → (cells,) predictions.
        true: (cells,).
        groups: (cells,) what intervals are over.
        metric: "pearson" or "rmse".
        baseline: One of the models.
        fallbacks: Model → cells.
        seed: Of the bootstraps.
    """
    pooled = {model: Pooled.of(values, true, groups) for model, values in cells.items()}
    found = []
    for model, sums in pooled.items():
        mean = sums.interval(metric, generator=np.random.default_rng(seed))
        gain = None
        if model != baseline:
            gain = sums.difference(pooled[baseline], metric, generator=np.random.default_rng(seed))
        found.append(_model_score(model, mean, gain, 0, (fallbacks or {}).get(model, 0)))
    return tuple(found)


def graph_verdict(scores: Sequence[ModelScore], baseline: str) -> str:
    """Whether the graph helps: the best model on it gains more than `MATERIAL` over the baseline, and its rewired copies do not reach it."""
    plain = [score for score in scores if "," not in score.model and score.score is not None]
    on_graph = [each for each in plain if any(other.model.startswith(f"{each.model}, ") for other in scores)]
    if not on_graph:
        return "no model on the graph was measured"
    best = max(on_graph, key=lambda each: number(each.score))
    rewired = [number(each.score) for each in scores if each.model.startswith(f"{best.model}, rewired")]
    highest = max(rewired, default=np.nan)
    helps = _lowest_gain(best) > MATERIAL and not number(best.score) <= highest
    word = "the graph helps" if helps else "the graph does not help"
    return f"{word}: {_shown(best, baseline)}; rewired at most {highest:.3f}"


def gain_verdict(scores: Sequence[ModelScore], baseline: str, metric: str = "pearson") -> str:
    """The best model with its gain over the baseline, and whether the interval of the gain leaves zero out."""
    lower = metric in LOWER_IS_BETTER
    known = [each for each in scores if each.score is not None]
    best = (min if lower else max)(known, key=lambda each: number(each.score))
    if best.model == baseline:
        return f"the baseline {baseline} {best.score:.3f} is best"
    decided = number(best.gain_high) < 0 if lower else _lowest_gain(best) > 0
    share = ""
    if lower:
        base = next(number(each.score) for each in known if each.model == baseline)
        share = f", {-number(best.gain) / base:.1%} lower"
    return f"{best.model} {'is' if decided else 'is not shown to be'} better: {_shown(best, baseline)}{share}"


def _lowest_gain(score: ModelScore) -> float:
    """The lower end of the gain, or of the score where that of the baseline is not defined."""
    return number(score.low if score.gain is None else score.gain_low)


def _shown(score: ModelScore, baseline: str) -> str:
    if score.gain is None:
        return (
            f"{score.model} {score.score:.3f} [{number(score.low):.3f}, {number(score.high):.3f}], {baseline} undefined"
        )
    ends = f"[{number(score.gain_low):.3f}, {number(score.gain_high):.3f}]"
    return f"{score.model} {score.score:.3f}, {score.gain:+.3f} {ends} over {baseline}"


def number(value: float | None) -> float:
    """NaN for what is not known."""
    return np.nan if value is None else float(value)


def _model_score(
    model: str, mean: Interval | None, gain: Interval | None, undefined: int, fallbacks: int
) -> ModelScore:
    return ModelScore(model, *_ends(mean), *_ends(gain), undefined, fallbacks)


def _ends(found: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if found is None else (_known(found.value), _known(found.low), _known(found.high))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

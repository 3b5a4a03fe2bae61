"""How the tasks of `hooke benchmark responses` are measured: one file a protocol, with `measure(task, show_progress)`.

A protocol yields one `Measured` a split: the scores of every model on the same held-out conditions, so that differences are paired.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
    models: Sequence[str], graph: Graph, others: Knowledge = Knowledge()
) -> Iterator[tuple[str, str, Knowledge]]:
    """(shown name, model, knowledge): every model as it is, then those with a graph on rewired and downsampled copies of it."""
    graphs = {f"rewired {number + 1}": graph.rewired(number) for number in range(REWIRED)}
    graphs[f"{DOWNSAMPLED:.0%} of the edges"] = graph.downsampled(DOWNSAMPLED)
    for model in models:
        yield model, model, Knowledge(graph, others.embedding, others.kernel, others.context_kernel)
    for model in models:
        if "graph" in registry.module("response_models", model).ResponseModel.uses:
            for name, changed in graphs.items():
                yield f"{model}, {name}", model, Knowledge(changed, None, others.kernel, others.context_kernel)


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
    """Whether the graph helps: the best model on the graph beats the baseline, and its rewired copies do not reach it."""
    plain = [score for score in scores if "," not in score.model and score.score is not None]
    on_graph = [each for each in plain if any(other.model.startswith(f"{each.model}, ") for other in scores)]
    if not on_graph:
        return "no model on the graph was measured"
    best = max(on_graph, key=lambda each: number(each.score))
    rewired = [each for each in scores if each.model.startswith(f"{best.model}, rewired")]
    highest = max((number(each.score) for each in rewired), default=np.nan)
    if best.gain is None or np.isnan(best.gain):
        above, helps = (
            f"{best.model} {best.score:.3f} [{number(best.low):.3f}, {number(best.high):.3f}]",
            number(best.low) > highest,
        )
    else:
        above = f"{best.model} {best.score:.3f}, {best.gain:+.3f} [{number(best.gain_low):.3f}, {number(best.gain_high):.3f}] over {baseline}"
        helps = number(best.gain_low) > 0 and not number(best.score) <= highest
    word = "the graph helps" if helps else "the graph does not help"
    return f"{word}: {above}; rewired at most {highest:.3f}"


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

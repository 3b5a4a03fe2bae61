"""How good predicted responses are: any model's files against a measured screen, beside its ceilings, nulls and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.predictions import Predictions, read_predictions
from hooke.cells.statistics import Statistics, parts_of
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.writable import check_output
from hooke.evaluate.ceilings import Ceiling, Parts, ceilings, control_means, shares, weighted
from hooke.evaluate.metric_range import DRAWS, Draw
from hooke.evaluate.response import METRICS, VCC
from hooke.evaluate.response_scores import ModelScore, Predictor, model_scores
from hooke.workflows.response import (
    TABLES,
    ContextCheck,
    complete_doubles,
    put_table,
    read_columns,
    statistics_of,
)
from hooke.workflows.response_cells import EnergyScore, energy_scores

ADDITIVE, OTHER_CONTEXTS = "additive", "other contexts"
PROFILES = ("hooke", "vcc")


@dataclass(frozen=True)
class ContextScores:
    """Scores on one context.

    Attributes:
        name: Of the context.
        verdict: Evaluable, or why not.
        evaluable: Whether models are ranked here.
        evaluable_perturbations: How many are.
        scores: One for each metric and model, baselines among them.
    """

    name: str
    verdict: str
    evaluable: bool
    evaluable_perturbations: int
    scores: Sequence[ModelScore]

    def ranking(self, metric: str) -> list[str]:
        """Names of models and baselines, the best first; nothing where the context is not evaluable.

        Those that are scored on fewer perturbations than others are not ranked among them.
        """
        if not self.evaluable:
            return []
        own = [each for each in self.scores if each.metric == metric]
        own = [each for each in own if each.scored == max(one.scored for one in own) > 0]
        own.sort(key=lambda each: -each.value.value if each.higher_is_better else each.value.value)
        return [each.model for each in own]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each metric and model."""
        return [
            {
                "context": self.name, "evaluable": self.evaluable, "evaluable_perturbations": self.evaluable_perturbations,
                "metric": each.metric, "model": each.model, "score": each.value.value, "score_low": each.value.low,
                "score_high": each.value.high, "normalised": each.normalised.value, "normalised_low": each.normalised.low,
                "normalised_high": each.normalised.high, "null": each.null, "ceiling": each.ceiling, "scored": each.scored,
                "undefined": each.undefined, "best_baseline": each.baseline, "difference": each.difference.value,
                "difference_low": each.difference.low, "difference_high": each.difference.high,
            }
            for each in self.scores
        ]  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate_responses` found.

    Attributes:
        contexts: One each.
        predictions: Model → rows that count, rows left out under their reasons, perturbations that are not predicted, missing genes.
        genes: Scored.
        unscored: What was left out of the scores unasked.
        energies: Energy distances of predicted cells, where they were asked for; over all genes that the files have.
    """

    contexts: Sequence[ContextScores]
    predictions: Mapping[str, Mapping[str, Any]]
    genes: int
    unscored: str
    energies: Sequence[EnergyScore] = ()

    def context(self, name: str) -> ContextScores:
        """The scores of one context."""
        return next(each for each in self.contexts if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        contexts = [
            {
                "context": each.name, "verdict": each.verdict, "evaluable": each.evaluable,
                "ranking": {metric: each.ranking(metric) for metric in dict.fromkeys(one.metric for one in each.scores)},
                "scores": [asdict(one) for one in each.scores],
            }
            for each in self.contexts
        ]  # fmt: skip
        return {
            "genes": self.genes,
            "unscored": self.unscored,
            "predictions": dict(self.predictions),
            "contexts": contexts,
            "energies": [asdict(each) for each in self.energies],
        }


def evaluate_responses(
    predicted: Mapping[str, Path | str], measured: Path | str, output: Path | str | None = None, *, space: str = "profiles",
    profile: str = "hooke", scale: str | None = None, target_sum: float | None = None, layer: str | None = None, with_targets: bool = False,
    draws: int = DRAWS, energy: int = 0, seed: int = 0, show_progress: bool = True, **columns: Any,
) -> Evaluation:  # fmt: skip
    """Score files of predictions against a screen.

    Args:
        predicted: Name of a model → its file: one row or more a perturbation (and context), genes as columns.
        measured: The screen, with its controls.
        output: A table of scores, .csv or .parquet; None writes none.
        space: What predictions are: "profiles", on the scale of the screen, or "changes" from control.
        profile: "hooke"; "vcc" adds the three numbers of the Virtual Cell Challenge.
        scale, target_sum, layer, with_targets, seed, show_progress, columns: As in `check_screen`.
        draws: Of halves.
        energy: Most cells a set of the energy distance between predicted and measured cells; 0 for none.

    Raises:
        UsageError: An option is none, or there is no prediction.
        DataError: A file is at fault, or on another scale than the screen.
    """
    if profile not in PROFILES:
        raise UnknownNameError("profile", profile, PROFILES)
    if energy and space != "profiles":
        raise UsageError("an energy distance compares cells: it needs predicted profiles, not changes")
    if not predicted:
        raise UsageError("name at least one file of predictions (--predicted)")
    if output is not None:
        check_output(output, measured, *predicted.values(), suffixes=TABLES)
    chosen = read_columns(columns)
    statistics = statistics_of(
        measured, chosen, scale=scale, target_sum=target_sum, layer=layer, seed=seed, show_progress=show_progress
    )
    parts, groups = parts_of(statistics, with_targets=with_targets), names_of(statistics)
    known = {
        name: read_predictions(
            Path(path),
            groups,
            statistics.screen.genes,
            columns=replace(chosen, batch=""),
            space=space,
            scale=statistics.screen.scale,
        )
        for name, path in predicted.items()
    }
    there = np.all([each.genes for each in known.values()], axis=0)
    parts = replace(parts, scored=parts.scored & there)
    shared = tuple(gene for gene, known_by_all in zip(statistics.screen.genes, there, strict=True) if known_by_all)
    names = (*METRICS, *VCC) if profile == "vcc" else tuple(METRICS)
    others = other_contexts(parts, statistics.layout.groups[:, 0])
    contexts = []
    for ceiling in ceilings(parts, seed=seed):
        own = parts.of_context(ceiling.context)
        models = {name: _predictor(each, ceiling.rows) for name, each in known.items()}
        scores = model_scores(
            own, models, baselines=_baselines(statistics, ceiling, others), names=names, draws=draws, seed=seed
        )
        contexts.append(_context(statistics, ceiling, scores))
    evaluation = Evaluation(
        contexts,
        {name: _facts(each, groups, statistics.screen.genes) for name, each in known.items()},
        int(there.sum()),
        "none: targeted genes count in the scores" if with_targets else "the targeted genes of each perturbation",
        energy_scores(
            predicted, measured, statistics.screen, chosen, genes=shared, cells=energy, layer=layer, seed=seed
        )
        if energy
        else (),
    )
    if output is not None:
        table = pl.DataFrame([row for each in contexts for row in each.rows()], infer_schema_length=None)
        put_table(table, Path(output))
    return evaluation


def names_of(statistics: Statistics) -> list[tuple[Any, str]]:
    """Perturbation and context of each group."""
    screen = statistics.screen
    return [(screen.perturbations[one], screen.contexts[context]) for one, context in statistics.layout.groups]


def other_contexts(parts: Parts, perturbation: np.ndarray) -> np.ndarray:
    """(R, G) mean change of the same perturbation in the other contexts, weighted by cells; NaN where there is none.

    Args:
        parts: All contexts.
        perturbation: (R,) number of each row's perturbation.
    """
    counts = parts.counts.sum(axis=1)
    change = parts.perturbed.sum(axis=1) / np.where(counts > 0, counts, np.nan)[:, None] - weighted(
        shares(parts), control_means(parts)
    )
    known = ~np.isnan(change).any(axis=1)
    weights = np.where(known, counts, 0.0)
    totals = np.zeros((int(perturbation.max()) + 1, change.shape[1]))
    np.add.at(totals, perturbation, np.where(known[:, None], change, 0.0) * weights[:, None])
    rest = np.bincount(perturbation, weights)[perturbation] - weights
    own = np.where(known[:, None], change, 0.0) * weights[:, None]
    return (totals[perturbation] - own) / np.where(rest > 0, rest, np.nan)[:, None]


def _predictor(predictions: Predictions, rows: np.ndarray) -> Predictor:
    own = replace(predictions, values=predictions.values[rows])
    return lambda draw: own.profiles(draw.reference)


def _baselines(statistics: Statistics, ceiling: Ceiling, others: np.ndarray) -> dict[str, Predictor]:
    """Those that apply beside mean and control."""
    found: dict[str, Predictor] = {}
    doubles = complete_doubles(statistics, ceiling.rows)
    if doubles:
        both, first, second = np.array(doubles).T

        def summed(draw: Draw) -> np.ndarray:
            profiles = np.full(draw.seen.shape, np.nan)
            profiles[both] = draw.reference[both] + draw.seen_delta[first] + draw.seen_delta[second]
            return profiles

        found[ADDITIVE] = summed
    own = others[ceiling.rows]
    if not np.isnan(own).all():
        found[OTHER_CONTEXTS] = lambda draw: draw.reference + own
    return found


def _context(statistics: Statistics, ceiling: Ceiling, scores: Sequence[ModelScore]) -> ContextScores:
    screen = statistics.screen
    name = screen.contexts[ceiling.context]
    check = ContextCheck(name, ceiling, (), (), np.empty(0))
    return ContextScores(name, check.verdict, ceiling.is_evaluable, int(ceiling.evaluable.sum()), scores)


def _facts(predictions: Predictions, groups: Sequence[tuple[Any, str]], genes: Sequence[str]) -> dict[str, Any]:
    missing = np.isnan(predictions.values).all(axis=1)
    return {
        "rows": predictions.rows,
        "left_out": dict(predictions.left_out),
        "not_predicted": [
            f"{one.name} in {context}" for (one, context), gone in zip(groups, missing, strict=True) if gone
        ],
        "missing_genes": [gene for gene, there in zip(genes, predictions.genes, strict=True) if not there],
    }

"""The automatic choice: candidates are compared on rows that they were not fitted on, and blended.

Training and validation rows are cut into folds, rows of equal structure into the same one. Each candidate predicts each fold after being
fitted to the others, everything that is centred or scaled included; no test row is seen. Of each label the out-of-fold predictions give the
errors, the weights (`evaluate.blending`), and the residuals that intervals are calibrated on. Candidates with a weight are fitted again to
all these rows. Positive labels with a long tail are learnt as logarithms.

A candidate is left out when its fits would exceed what is left of the budget, judged by the first of them. Fits and their times are kept on
disk (`candidates/NAME/FOLD`), so that a run goes on where it was killed and comes to the same end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import polars as pl

from hooke.core import registry
from hooke.core.checked import kept_arrays, write_parquet
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.progress import Progress, progress
from hooke.core.recipe import NETWORKS, Recipe, named_thing
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, group_means, group_starts, labels_of
from hooke.estimators import FEWEST, estimator_class
from hooke.evaluate.blending import better_as_logarithms, blend_weights, blended, grouped_folds, losses
from hooke.evaluate.censoring import exact
from hooke.evaluate.splits import Split
from hooke.inference.blend import BLEND, Blend, as_values, blend_of
from hooke.inference.blocks import Blocks, is_available
from hooke.inference.ensemble import Prediction
from hooke.modalities import Candidate, Trainable, identified, trainable
from hooke.train.contenders import Contender, Contest, OfEstimator, OfNetwork, OverBudget, Rows
from hooke.train.measure import Known

_LOG = logging.getLogger("hooke")
MOST_LABELS = 12  # beyond them the network alone is trained, as beyond `Trainable.most_baseline_rows`
CANDIDATE_PREDICTIONS = "candidates_test.parquet"
_LEAST_WEIGHT = 0.02  # below it a candidate is not fitted again
USED, COMPARED, LEFT_OUT = "used", "compared, no weight", "left out"


@dataclass
class _Outcome:
    """What became of a candidate."""

    name: str
    contender: Contender | None
    status: str = LEFT_OUT
    reason: str = ""
    seconds: float = 0.0
    errors: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For `blend.json`."""
        shown = {option.name: getattr(self, option.name) for option in fields(self)}
        contender = shown.pop("contender")
        return {**shown, **(contender.to_json() if contender else {"blocks": []}), "used": self.status == USED}


def tried(recipe: Recipe) -> dict[str, Candidate | None]:
    """Name → candidate, None for a network: those that the recipe names, else all of the modality, of third parties, and the networks.

    Raises:
        UnknownNameError: No such candidate.
        UsageError: An estimator that could not be saved.
    """
    known: dict[str, Candidate | None] = dict(trainable(recipe.modality, "fit").candidates)
    registered = {name: Candidate(name) for name in registry.names("estimators") if name not in known}
    foreign = [name for name in registered if name in registry.third_party("estimators")]
    everything = {**registered, **known, **dict.fromkeys(NETWORKS)}
    wanted = recipe.model.config.candidates or (*known, *foreign, *NETWORKS)
    for name in wanted:
        if name not in everything:
            raise UnknownNameError("candidate", name, everything)
        if (candidate := everything[name]) is not None:
            estimator_class(candidate.estimator)
    return {name: everything[name] for name in wanted}


def settled(recipe: Recipe, store: Any) -> Recipe:
    """The recipe, or, where the automatic choice does not apply to the data, that of the network which it would train from scratch."""
    if not recipe.is_automatic or not (reason := _not_applicable(recipe, store)):
        return recipe
    name, _, preset = recipe.model.config.network.partition(":")
    _LOG.warning("no automatic choice (%s): the network %s is trained", reason, name)
    return replace(recipe, model=named_thing("models", {"name": name, "preset": preset}, "model", ""))


def _not_applicable(recipe: Recipe, store: Any) -> str:
    """Why the automatic choice does not apply to these data; "" where it does."""
    modality = trainable(recipe.modality, "fit")
    main = labels_of(store, modality.levels[0])
    if len(store) > modality.most_baseline_rows:
        return f"{len(store):,} {modality.items}, at most {modality.most_baseline_rows:,} are compared on"
    if len(main) > MOST_LABELS:
        return f"{len(main)} labels, at most {MOST_LABELS} are compared on"
    if len(main) < len(store.labels):
        return f"labels of other things than whole {modality.items}"
    return ""


def automatic(
    run: RunFolder, recipe: Recipe, spec: Spec, store: Any, split: Split, *, show_progress: bool = True
) -> tuple[Blend, Known]:
    """Compare, choose, fit.

    Args:
        run: Where everything is kept.
        recipe: Its model is automatic.
        spec: Of the data.
        store: The rows.
        split: Its training rows are learnt from; it has no validation rows.
        show_progress: Show a progress bar.

    Returns:
        The blend, and the out-of-fold predictions of the training rows.

    Raises:
        UsageError: There is no label to learn, or nothing could be tried.
    """
    modality, options = trainable(recipe.modality, "fit"), recipe.model.config
    labels = labels_of(spec, modality.levels[0])
    if not labels:
        raise UsageError(f"the automatic choice predicts labels of whole {modality.items}, and the data carry none")
    widths, candidates = [label.columns for label in labels], tried(recipe)
    blocks = _blocks(run, candidates, options.vectors)
    data, floors = _data(modality, recipe, spec, store, split.train, blocks)
    contest = Contest(run, recipe, spec, store, data, np.repeat(floors, widths))
    outcomes = [_entered(name, candidate, recipe, blocks.get(name, ())) for name, candidate in candidates.items()]
    kept: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    with progress(len(outcomes) * (options.folds + 1), "comparing models", "fits", show=show_progress) as bar:
        for outcome in outcomes:
            left = options.budget - sum(other.seconds for other in outcomes) if len(outcomes) > 1 and kept else np.inf
            predicted = _out_of_fold(contest, outcome, left, bar)
            if predicted is not None:
                kept[outcome.name] = predicted
        used = [outcome for outcome in outcomes if outcome.name in kept]
        if not used:
            raise UsageError(
                "nothing could be compared: " + "; ".join(f"{each.name}: {each.reason}" for each in outcomes)
            )
        means, stds = (np.stack([kept[outcome.name][place] for outcome in used]) for place in (0, 1))
        _weigh(used, means, labels, data, options.penalty)
        for outcome in used:
            if outcome.status == USED and outcome.contender is not None:
                outcome.contender.finish(contest)
            bar.advance(model=outcome.name)
        for outcome in outcomes:
            if outcome.contender is not None:
                outcome.contender.tidy(contest)
    weights = np.stack([np.repeat(outcome.weights, widths) for outcome in used])
    learnt, spread = blended(means, stds, weights)
    mean, std = as_values(learnt, spread, contest.floors)
    run.write_json(
        BLEND,
        {
            "labels": [label.name for label in labels], "metrics": [_metric(label, floor) for label, floor in zip(labels, floors, strict=True)],
            "errors": _errors(learnt[None], labels, data)[0], "floors": floors, "folds": options.folds, "penalty": options.penalty,
            "budget": options.budget, "seconds": round(sum(outcome.seconds for outcome in outcomes), 1), "rows": len(data.rows),
            "candidates": [outcome.to_json() for outcome in outcomes],
        },
    )  # fmt: skip
    logarithms = tuple(label.name for label, floor in zip(labels, floors, strict=True) if not np.isnan(floor))
    return blend_of(run, recipe, spec, modality), Known(data.rows, Prediction(mean, std), data.stored, logarithms)


def predictions_of_test(
    run: RunFolder, recipe: Recipe, spec: Spec, store: Any, split: Split, blend: Blend
) -> Known | None:
    """What the blend says of the test rows; None without any.

    What each candidate alone says of them is written as `candidates_test.parquet`: columns "row", "candidate" and the predicted ones.
    """
    if not len(split.test):
        return None
    modality, tables, parts, truth = trainable(recipe.modality, "fit"), [], [], []
    level = modality.levels[0]
    for batch in modality.loader(store, split.test, blend.carried(spec), recipe, part="predict").epoch(0):
        found = blend.each(batch)
        parts.append(blend.blended(found))
        truth.append(batch.targets[level].numpy().astype(np.float64))
        for name, (mean, std) in found.items():
            values = as_values(mean, std, blend.floors)[0]
            columns = {column: values[:, place] for place, column in enumerate(blend.columns(level))}
            tables.append(pl.DataFrame({"row": batch.rows.numpy(), "candidate": [name] * len(values), **columns}))
    write_parquet(pl.concat(tables), run.path(CANDIDATE_PREDICTIONS))
    mean, std = (np.concatenate(found) for found in zip(*parts, strict=True))
    return Known(split.test, Prediction(mean, std), np.concatenate(truth))


def _blocks(run: RunFolder, candidates: Mapping[str, Candidate | None], wanted: Sequence[str]) -> dict[str, list[str]]:
    """What each candidate sees; a run that goes on keeps to what it began with."""
    if run.path("candidates.json").exists():
        return run.read_json("candidates.json")
    chosen = {
        name: [
            *candidate.blocks,
            *(encoder for encoder in candidate.optional if encoder in wanted and is_available(encoder)),
        ]
        for name, candidate in candidates.items()
        if candidate is not None
    }
    run.write_json("candidates.json", chosen)
    return chosen


def _data(
    modality: Trainable, recipe: Recipe, spec: Spec, store: Any, rows: np.ndarray, blocks: Mapping[str, Sequence[str]]
) -> tuple[Rows, np.ndarray]:
    """The rows to learn from, and (labels,) the least positive value of those that are learnt as logarithms, else NaN."""
    level, carried = modality.levels[0], spec
    readers = {
        name: Blocks(modality, (name,) if name else ())
        for name in dict.fromkeys(block for some in blocks.values() for block in some or ("",))
    }
    for reader in readers.values():
        carried = reader.carried(carried)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in readers}
    measured, owners = [], []
    for batch in modality.loader(store, rows, carried, recipe, part="predict").epoch(0):
        for name, reader in readers.items():
            parts[name].append(reader(batch).astype(np.float32))
        measured.append(batch.targets[level].numpy().astype(np.float64))
        owners.append(batch.rows.numpy())
    owner = np.concatenate(owners)
    features = {name: group_means(np.concatenate(found), owner) for name, found in parts.items()}
    stored = np.concatenate(measured)[group_starts(owner)]
    bounds = modality.bounds(store, rows)
    known = ~np.isnan(exact(stored, bounds))
    floors = np.full(stored.shape[1], np.nan)
    for number, label in enumerate(labels_of(spec, level)):
        values = stored[~np.isnan(stored[:, number]), number]
        if label.kind == "regression" and not label.offset and better_as_logarithms(values):
            floors[number] = values.min()
    targets = np.where(np.isnan(floors), stored, np.log(np.where(np.isnan(floors) | np.isnan(stored), 1.0, stored)))
    targets[np.isnan(stored)] = np.nan
    _, groups = np.unique(identified(modality, store, rows), return_inverse=True)
    fold = grouped_folds(groups, recipe.model.config.folds, seed=recipe.seed)
    return Rows(rows, features, stored, targets, known, fold), floors


def _entered(name: str, candidate: Candidate | None, recipe: Recipe, blocks: Sequence[str]) -> _Outcome:
    """A candidate before its first fit; one that cannot be tried has no contender, but a reason."""
    if candidate is not None:
        return _Outcome(name, OfEstimator(name, candidate, blocks))
    try:
        return _Outcome(name, OfNetwork(name, recipe, recipe.model.config.pretrained if name == NETWORKS[0] else None))
    except (UsageError, DataError) as error:
        return _Outcome(name, None, reason=str(error))


def _out_of_fold(
    contest: Contest, outcome: _Outcome, left: float, bar: Progress
) -> tuple[np.ndarray, np.ndarray] | None:
    """(n, columns) predictions of rows that were not fitted to, and their standard deviations; None where that would take too long."""
    data, contender, folder = contest.data, outcome.contender, contest.run.path(f"candidates/{outcome.name}")
    decided = f"candidates/{outcome.name}/left_out.json"
    if contest.run.path(decided).exists():
        outcome.reason, outcome.seconds = (contest.run.read_json(decided)[name] for name in ("reason", "seconds"))
    if outcome.reason or contender is None:
        bar.advance(data.folds + 1, model=outcome.name)
        return None
    means = stds = np.zeros((len(data.rows), 0))
    for fold in range(data.folds):

        def predicted(fold: int = fold) -> dict[str, np.ndarray]:
            started = time.monotonic()
            mean, std = contender.fold(contest, fold, left)
            return {"mean": mean, "std": std, "seconds": np.array(time.monotonic() - started)}

        started = time.monotonic()
        try:
            arrays = kept_arrays(folder / f"{fold}.npz", predicted, "is comparing models")
            outcome.seconds = round(outcome.seconds + float(arrays["seconds"]), 3)
            wanted, fits = outcome.seconds * (data.folds + 1), data.folds + 1
            if not fold and wanted > left:
                raise OverBudget(
                    f"{fits} fits would take {wanted:.0f} s, and {max(left, 0):.0f} s of the budget are left"
                )
        except OverBudget as decision:
            outcome.reason = str(decision)
            outcome.seconds = outcome.seconds or round(time.monotonic() - started, 3)
            contest.run.write_json(decided, {"reason": outcome.reason, "seconds": outcome.seconds})
            bar.advance(data.folds + 1 - fold, model=outcome.name)
            return None
        if not fold:
            means, stds = (np.zeros((len(data.rows), arrays["mean"].shape[1])) for _ in range(2))
        inside = data.fold == fold
        means[inside], stds[inside] = arrays["mean"], arrays["std"]
        bar.advance(model=outcome.name)
    outcome.status = COMPARED
    return means, stds


def _weigh(
    outcomes: Sequence[_Outcome], means: np.ndarray, labels: Sequence[Label], data: Rows, penalty: float
) -> None:
    """Errors and weights of each label, and what follows for each candidate."""
    for predictions, truth, classes in _measured(means, labels, data):
        weights = blend_weights(predictions, truth, classes=classes, penalty=penalty)
        weights = np.where(weights < min(_LEAST_WEIGHT, weights.max()), 0.0, weights)
        for outcome, weight in zip(outcomes, weights / weights.sum(), strict=True):
            outcome.weights.append(float(weight))
    for outcome, errors in zip(outcomes, _errors(means, labels, data), strict=True):
        outcome.errors = errors
        if any(outcome.weights):
            outcome.status = USED


def _measured(means: np.ndarray, labels: Sequence[Label], data: Rows) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Of each label the (models, n, columns) predictions and (n,) truth of the rows that say what is right, and whether it has classes.

    Those are rows with an exact measurement; none where they are fewer than a label is learnt from.
    """
    first = 0
    for number, label in enumerate(labels):
        columns = slice(first, first + label.columns)
        first += label.columns
        rows = np.flatnonzero(data.exact[:, number] & np.isfinite(means[:, :, columns]).all(axis=(0, 2)))
        rows = rows if len(rows) >= FEWEST else rows[:0]
        yield means[:, rows, columns], data.targets[rows, number], label.kind != "regression"


def _errors(means: np.ndarray, labels: Sequence[Label], data: Rows) -> list[list[float]]:
    """Of each model the error on each label; NaN where too little is measured."""
    found: list[list[float]] = [[] for _ in means]
    for predictions, truth, classes in _measured(means, labels, data):
        for errors, values in zip(found, predictions, strict=True):
            errors.append(losses(values, truth, classes=classes) if len(truth) else float("nan"))
    return found


def _metric(label: Label, floor: float) -> str:
    """What `_errors` are."""
    if label.kind != "regression":
        return "log loss"
    return "RMSE" if np.isnan(floor) else "RMSE of logarithms"

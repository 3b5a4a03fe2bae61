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
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.progress import Progress, progress
from hooke.core.recipe import Named, Recipe, named_thing
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, group_means, group_starts, labels_of
from hooke.estimators import FEWEST, Estimator, estimator_class
from hooke.evaluate.blending import better_as_logarithms, blend_weights, blended, grouped_folds, losses
from hooke.evaluate.censoring import exact
from hooke.evaluate.splits import Split
from hooke.inference.blend import BLEND, Blend, as_values, blend_of, member_file
from hooke.inference.blocks import Blocks, is_available
from hooke.inference.ensemble import Prediction
from hooke.modalities import Candidate, Trainable, identified, trainable
from hooke.train.gradient_free import is_kept, save_arrays
from hooke.train.measure import Known

_LOG = logging.getLogger("hooke")
MOST_LABELS = 12  # beyond them the network alone is trained, as beyond `Trainable.most_baseline_rows`
CANDIDATE_PREDICTIONS = "candidates_test.parquet"
_LEAST_WEIGHT = 0.02  # below it a candidate is not fitted again
USED, COMPARED, LEFT_OUT = "used", "compared, no weight", "left out"


@dataclass(frozen=True)
class _Data:
    """The rows that candidates learn from.

    Attributes:
        rows: (n,) of the store.
        features: Name of a block → (n, width) float32; "" for the features of the baselines.
        stored: (n, labels) float64 as the store has them, NaN = not measured.
        targets: The same, logarithms where labels are learnt so.
        exact: (n, labels) bool: measured, and not a bound alone.
        fold: (n,) number of the fold.
    """

    rows: np.ndarray
    features: Mapping[str, np.ndarray]
    stored: np.ndarray
    targets: np.ndarray
    exact: np.ndarray
    fold: np.ndarray

    def of(self, blocks: Sequence[str]) -> np.ndarray:
        """(n, features) of some blocks."""
        return np.hstack([self.features[name] for name in blocks or ("",)])


@dataclass
class _Outcome:
    """What became of a candidate."""

    name: str
    chosen: Named
    blocks: list[str]
    status: str = LEFT_OUT
    reason: str = ""
    seconds: float = 0.0
    errors: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For `blend.json`."""
        shown = {option.name: getattr(self, option.name) for option in fields(self)}
        return {**shown, "model": shown.pop("chosen").to_json(), "used": self.status == USED}


def tried(recipe: Recipe) -> dict[str, Candidate]:
    """Name → candidate: those that the recipe names, else all of the modality and the estimators of third parties.

    Raises:
        UnknownNameError: No such candidate.
        UsageError: An estimator that could not be saved.
    """
    known = dict(trainable(recipe.modality, "fit").candidates)
    others = {name: Candidate(name) for name in registry.names("estimators") if name not in known}
    wanted = recipe.model.config.candidates or (*known, *(set(others) & set(registry.third_party("estimators"))))
    for name in wanted:
        if name not in known and name not in others:
            raise UnknownNameError("candidate", name, [*known, *others])
    chosen = {name: known.get(name) or others[name] for name in wanted}
    for candidate in chosen.values():
        estimator_class(candidate.estimator)
    return chosen


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
    outcomes: list[_Outcome] = []
    kept: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    spent = 0.0
    with progress(len(candidates) * (options.folds + 1), "comparing models", "fits", show=show_progress) as bar:
        for name, candidate in candidates.items():
            chosen = named_thing("models", {"name": candidate.estimator, **candidate.options}, "model", "")
            outcome = _Outcome(name, chosen, blocks[name])
            outcomes.append(outcome)
            left = options.budget - spent if len(candidates) > 1 and kept else np.inf
            predicted = _out_of_fold(run, recipe, spec, outcome, data, left, bar)
            spent += outcome.seconds
            if predicted is not None:
                kept[name] = predicted
        used = [outcome for outcome in outcomes if outcome.name in kept]
        means, stds = (np.stack([kept[outcome.name][place] for outcome in used]) for place in (0, 1))
        _weigh(used, means, labels, data, options.penalty)
        for outcome in used:
            path = member_file(run, outcome.name)
            if outcome.status == USED and not is_kept(path):
                estimator = _fitted(outcome, spec, recipe, data, np.arange(len(data.rows)))
                save_arrays(path, estimator.arrays())
            bar.advance(model=outcome.name)
    weights = np.stack([np.repeat(outcome.weights, widths) for outcome in used])
    learnt, spread = blended(means, stds, weights)
    mean, std = as_values(learnt, spread, np.repeat(floors, widths))
    run.write_json(
        BLEND,
        {
            "labels": [label.name for label in labels], "metrics": [_metric(label, floor) for label, floor in zip(labels, floors, strict=True)],
            "errors": _errors(learnt[None], labels, data)[0], "floors": floors, "folds": options.folds, "penalty": options.penalty,
            "budget": options.budget, "seconds": round(spent, 1), "rows": len(data.rows),
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


def _blocks(run: RunFolder, candidates: Mapping[str, Candidate], wanted: Sequence[str]) -> dict[str, list[str]]:
    """What each candidate sees; a run that goes on keeps to what it began with."""
    if run.path("candidates.json").exists():
        return run.read_json("candidates.json")
    chosen = {
        name: [
            *candidate.blocks,
            *(encoder for encoder in candidate.optional if encoder in wanted and is_available(encoder)),
        ]
        for name, candidate in candidates.items()
    }
    run.write_json("candidates.json", chosen)
    return chosen


def _data(
    modality: Trainable, recipe: Recipe, spec: Spec, store: Any, rows: np.ndarray, blocks: Mapping[str, Sequence[str]]
) -> tuple[_Data, np.ndarray]:
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
        if label.kind == "regression" and better_as_logarithms(values):
            floors[number] = values.min()
    targets = np.where(np.isnan(floors), stored, np.log(np.where(np.isnan(floors) | np.isnan(stored), 1.0, stored)))
    targets[np.isnan(stored)] = np.nan
    _, groups = np.unique(identified(modality, store, rows), return_inverse=True)
    fold = grouped_folds(groups, recipe.model.config.folds, seed=recipe.seed)
    return _Data(rows, features, stored, targets, known, fold), floors


def _out_of_fold(
    run: RunFolder, recipe: Recipe, spec: Spec, outcome: _Outcome, data: _Data, left: float, bar: Progress
) -> tuple[np.ndarray, np.ndarray] | None:
    """(n, columns) predictions of rows that were not fitted to, and their standard deviations; None where that would take too long."""
    found: tuple[np.ndarray, np.ndarray] | None = None
    folds = int(data.fold.max()) + 1
    for fold in range(folds):
        inside = data.fold == fold

        def predicted(inside: np.ndarray = inside) -> dict[str, np.ndarray]:
            started = time.monotonic()
            estimator = _fitted(outcome, spec, recipe, data, np.flatnonzero(~inside))
            mean, std = estimator.predict(data.of(outcome.blocks)[inside])
            return {"mean": mean, "std": std, "seconds": np.array(time.monotonic() - started)}

        arrays = kept_arrays(run.path(f"candidates/{outcome.name}/{fold}.npz"), predicted, "is comparing models")
        outcome.seconds = round(outcome.seconds + float(arrays["seconds"]), 3)
        if found is None:
            found = np.zeros((len(inside), arrays["mean"].shape[1])), np.zeros((len(inside), arrays["mean"].shape[1]))
        found[0][inside], found[1][inside] = arrays["mean"], arrays["std"]
        bar.advance(model=outcome.name)
        wanted = outcome.seconds * (folds + 1)
        if not fold and wanted > left:
            outcome.reason = (
                f"{folds + 1} fits would take {wanted:.0f} s, and {max(left, 0):.0f} s of the budget are left"
            )
            bar.advance(folds)
            return None
    outcome.status = COMPARED
    return found


def _fitted(outcome: _Outcome, spec: Spec, recipe: Recipe, data: _Data, places: np.ndarray) -> Estimator:
    """The estimator of a candidate, fitted to some of the rows."""
    made, level = (
        registry.module("estimators", outcome.chosen.name).Estimator,
        trainable(recipe.modality, "fit").levels[0],
    )
    estimator: Estimator = made(outcome.chosen.config, spec, level)
    estimator.fit(data.of(outcome.blocks)[places], data.targets[places], seed=recipe.seed * 1000)
    return estimator


def _weigh(
    outcomes: Sequence[_Outcome], means: np.ndarray, labels: Sequence[Label], data: _Data, penalty: float
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


def _measured(means: np.ndarray, labels: Sequence[Label], data: _Data) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
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


def _errors(means: np.ndarray, labels: Sequence[Label], data: _Data) -> list[list[float]]:
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

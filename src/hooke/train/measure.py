"""What a finished run is worth: predictions of its valid and test rows, their metrics, and conformal calibration.

Rows are predicted batch by batch and written as they come. While a part has few values, all of them are kept and every metric is
exact; a larger part is measured by `StreamedMetrics`, and intervals are calibrated on its first `_CALIBRATION_ROWS` rows. Where a row
gives several items (crops), their predictions are averaged; where `predict` answers for groups of rows (wells), these are measured,
written and calibrated as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import torch

from hooke.core.files import replacing
from hooke.core.label import Label
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.core.types import LabelledSpec, Spec, group_starts, labels_of
from hooke.evaluate.censoring import exact
from hooke.evaluate.conformal import calibrate_interval, calibrate_set, missing
from hooke.evaluate.label_means import label_means, normalised
from hooke.evaluate.metrics import evaluate
from hooke.evaluate.one_versus_rest import class_columns, class_labels, macro
from hooke.evaluate.splits import Split
from hooke.evaluate.streaming import StreamedMetrics
from hooke.inference.ensemble import Members, Prediction, Predictor, physical
from hooke.inference.loaded import calibrations, read_recipe
from hooke.modalities import Trainable, trainable

_EXACT_VALUES = 20_000_000  # items × labels of a level up to which all values are kept: 160 MB an array
_CALIBRATION_ROWS = 20_000
_CLASS_BINS = 1024  # of histograms of ordered classes: thousands of labels have five each
_COUNTED_ROWS = 8192  # whose bounds are in memory at a time


@dataclass
class _Level:
    """What is gathered of one level, batch by batch."""

    labels: Sequence[Label]
    parts: list[Label] = field(init=False)  # their components
    classes: list[Label] = field(init=False)  # those of ordered classes, as labels of their own
    metrics: StreamedMetrics = field(init=False)
    class_metrics: StreamedMetrics = field(init=False)
    items: int = 0
    predictions: list[Prediction] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    bounds: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parts = components(self.labels)
        self.classes = class_labels(self.parts)
        self.metrics, self.class_metrics = StreamedMetrics(self.parts), StreamedMetrics(self.classes, bins=_CLASS_BINS)

    def add(self, found: Prediction, truth: np.ndarray, bounds: np.ndarray | None = None) -> None:
        """Take in one batch; `bounds` as in `evaluate.censoring`."""
        self.items += len(truth)
        self.metrics.update(decided(found.mean, self.parts), truth, bounds)
        if self.classes:
            self.class_metrics.update(*class_columns(found.mean, truth, self.parts))
        if self.exact or self.items <= _CALIBRATION_ROWS:
            self.predictions.append(found)
            self.truth.append(truth)
            self.bounds += [] if bounds is None else [bounds]

    @property
    def exact(self) -> bool:
        """Whether everything so far is kept."""
        return self.items * len(self.parts) <= _EXACT_VALUES

    def kept(self) -> tuple[Prediction, np.ndarray, np.ndarray | None]:
        """The kept predictions, truths and bounds as one."""
        mean, std = (np.concatenate([getattr(found, name) for found in self.predictions]) for name in ("mean", "std"))
        return Prediction(mean, std), np.concatenate(self.truth), np.concatenate(self.bounds) if self.bounds else None

    def result(self) -> dict[str, dict[str, float]]:
        """Label name -> metric name -> value."""
        if not self.exact:
            result, of_classes = self.metrics.result(), self.class_metrics.result()
        else:
            found, truth, bounds = self.kept()
            result = evaluate(decided(found.mean, self.parts), truth.astype(np.float64), self.parts, bounds)
            of_classes = evaluate(*class_columns(found.mean, truth, self.parts), self.classes) if self.classes else {}
        for name, values in macro(of_classes, self.parts).items() if self.classes else ():
            result[name] |= values
        return pooled(result, self.labels)


@dataclass(frozen=True)
class _Block:
    """Some rows of the store with what is predicted and known of them."""

    rows: np.ndarray
    members: dict[str, Members]
    truth: dict[str, np.ndarray]


@dataclass(frozen=True)
class Known:
    """Predictions that are there already: of test rows, or of training rows by models that were not fitted to them, in the place of
    validation rows.

    Attributes:
        rows: (n,) of the store.
        prediction: Of whole rows.
        truth: (n, labels), NaN = not measured.
        logarithms: Labels whose errors are those of logarithms.
    """

    rows: np.ndarray
    prediction: Prediction
    truth: np.ndarray
    logarithms: tuple[str, ...] = ()

    def block(self, level: str) -> _Block:
        """As what is predicted of a batch."""
        found = Members(self.prediction.mean[None], self.prediction.std[None])
        return _Block(self.rows, {level: found}, {level: self.truth})


def measure(
    run: RunFolder, recipe: Recipe, store: Any, split: Split, spec: Spec, predictor: Predictor, *,
    known: Mapping[str, Known | None] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Predict valid and test, write the predictions of whole rows (or groups), and the metrics of every level.

    Args:
        run, recipe, store, split, spec: Of the run.
        predictor: What it has learnt.
        known: Part → its predictions, where they are there already.
    """
    modality = trainable(recipe.modality, "fit")
    main = modality.group or modality.levels[0]
    metrics: dict[str, Any] = {}
    beside: dict[str, dict[str, Any]] = {"means": {}, "normalised": {}}
    for part, rows in (("valid", split.valid), ("test", split.test)):
        given = known.get(part)
        if not len(rows) and given is None:
            continue
        losses: dict[str, float] = {}
        with _PredictionFile(run, modality, store, spec, predictor.columns(modality.levels[0]), part) as file:
            levels = measured(
                modality, recipe, store, rows, spec, predictor, known=given, losses=losses, write=file.write
            )
        metrics[part] = {level: found.metrics for level, found in levels.items()}
        for level, found in levels.items():
            if found.means:
                beside["means"].setdefault(part, {})[level] = found.means
            if found.normalised:
                beside["normalised"].setdefault(part, {})[level] = found.normalised
        if not metrics[part] and losses:
            metrics[part] = {modality.levels[0]: {recipe.task.name: losses}}
        if part == "valid" and main in levels:
            labels = labels_of(spec, modality.levels[0])
            prediction, truth, bounds = levels[main].gathered.kept()
            fitted = calibrate(prediction, exact(truth, bounds), labels, logarithms=given.logarithms if given else ())
            run.write_json("uncertainty.json", fitted)
    run.write_json("metrics.json", metrics | {name: found for name, found in beside.items() if found})
    run.write_json("leaks.json", modality.leaks(store, split))


@dataclass(frozen=True)
class Measured:
    """Predictions of one level beside what was measured.

    Attributes:
        gathered: Batch by batch.
        metrics: Label → metric → value.
        means: Table → metric → mean over its labels (`evaluate.label_means`).
        normalised: Label → its errors in standard deviations of its training measurements.
    """

    gathered: _Level
    metrics: dict[str, dict[str, float]]
    means: dict[str, dict[str, float]]
    normalised: dict[str, dict[str, float]]


Write = Callable[[np.ndarray, Prediction, np.ndarray], None]


def measured(
    modality: Trainable, recipe: Recipe, store: Any, rows: np.ndarray, spec: Spec, predictor: Predictor, *, known: Known | None = None,
    losses: dict[str, float] | None = None, write: Write | None = None,
) -> dict[str, Measured]:  # fmt: skip
    """Level → predictions of some rows and their metrics; {} where the task predicts nothing.

    Args:
        modality, recipe, store, rows, spec, predictor: What is predicted, and by what.
        known: The predictions, where they are there already.
        losses: Takes the mean losses over the rows, where nothing is predicted.
        write: Called with rows, predictions and truths of whole rows, or groups, as they come.
    """
    first, main = modality.levels[0], modality.group or modality.levels[0]
    levels: dict[str, _Level] = {}
    blocks = _blocks(modality, recipe, store, rows, spec, predictor, {} if losses is None else losses)
    for block in blocks if known is None else [known.block(first)]:
        for level, found in block.members.items():
            bounds = modality.bounds(store, block.rows) if level == first else None
            gathered = levels.setdefault(level, _Level(labels_of(spec, level)))
            gathered.add(found.prediction(), block.truth[level], bounds)
        if modality.group and first in block.members:
            block = _grouped(modality, store, spec, block)
            levels[main] = _Level(labels_of(spec, first))
            levels[main].add(block.members[main].prediction(), block.truth[main])
        if write is not None and main in block.members:
            write(block.rows, block.members[main].prediction(), block.truth[main])
    return {level: _measured(gathered, spec, level) for level, gathered in levels.items()}


def _measured(gathered: _Level, spec: Spec, level: str) -> Measured:
    metrics, deviations = gathered.result(), _deviations(spec, level, gathered.labels)
    means = label_means(metrics, gathered.labels, deviations)
    return Measured(gathered, metrics, means, normalised(metrics, deviations))


def _deviations(spec: Spec, level: str, labels: Sequence[Label]) -> dict[str, float]:
    """Label of values → standard deviation of its training measurements, where the spec states them for its level."""
    found = spec.statistics.get(level) if isinstance(spec, LabelledSpec) else None
    if found is None or len(found.std) != len(components(labels)):
        return {}
    starts = np.cumsum([0, *(label.width for label in labels)])
    return {
        label.name: float(found.std[start])
        for label, start in zip(labels, starts, strict=False)
        if label.kind == "regression" and label.width == 1 and found.std[start] > 0
    }


def censored(modality: Trainable, store: Any, split: Split, spec: Spec) -> dict[str, dict[str, int]]:
    """Label with censored values → part → how many; only labels of whole items can have them."""
    counts: dict[str, dict[str, int]] = {}
    names = [label.name for label in labels_of(spec, modality.levels[0])]
    for part in ("train", "valid", "test"):
        rows = getattr(split, part)
        for start in range(0, len(rows), _COUNTED_ROWS):
            bounds = modality.bounds(store, rows[start : start + _COUNTED_ROWS])
            if bounds is None:
                return {}
            for name, number in zip(names, (bounds != 0).sum(axis=0).tolist(), strict=True):
                of_label = counts.setdefault(name, dict.fromkeys(("train", "valid", "test"), 0))
                of_label[part] += number
    return {name: parts for name, parts in counts.items() if any(parts.values())}


def censored_lines(run: RunFolder) -> list[str]:
    """How many labels of a run are censored, a line each, and what that means for its numbers."""
    return [
        f"{name}: {sum(parts.values()):,} labels are censored ({', '.join(f'{count:,} {part}' for part, count in parts.items())}): "
        "errors are 0 where a prediction fulfils the bound; R², correlations and coverage of intervals are those of exact labels; "
        "networks learn the bound, estimators and baselines its value"
        for name, parts in run.info.get("censored", {}).items()
    ]


def uncalibrated(run: RunFolder) -> dict[str, str]:
    """Label → why the predictions of a run have neither intervals nor sets that say anything; labels that have are left out."""
    recipe = read_recipe(run)
    modality = trainable(recipe.modality, "fit")
    labels = labels_of(modality.read_spec(run), modality.levels[0]) if recipe.learns_labels else ()
    return missing(calibrations(run), [label.name for label in labels])


def errors_on_test(run: RunFolder) -> dict[str, float]:
    """Label of whole rows (or groups) → RMSE, 1 - ROC-AUC or 1 - accuracy on the run's test rows; labels that have none are left out."""
    modality = trainable(read_recipe(run).modality, "scale")
    found = {}
    for name, values in run.scores().get("test", {}).get(modality.group or modality.levels[0], {}).items():
        gain = values.get("roc_auc", values.get("accuracy", np.nan))
        found[name] = float(values.get("rmse", 1 - gain))
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _blocks(
    modality: Trainable, recipe: Recipe, store: Any, rows: np.ndarray, spec: Spec, predictor: Predictor,
    losses: dict[str, float],
) -> Iterator[_Block]:  # fmt: skip
    """Rows with predictions and truths; the mean losses over the rows, where nothing is predicted, are put into `losses`."""
    generator, items = torch.Generator().manual_seed(0), 0
    parts: list[_Block] = []
    for batch in modality.loader(store, rows, predictor.carried(spec), recipe, part="predict").epoch(0):
        found = predictor.members(batch)
        if not found:
            items += batch.num_items
            for name, value in predictor.losses(batch, generator).items():
                losses[name] = losses.get(name, 0.0) + value * batch.num_items
            continue
        truth = {level: values.numpy() for level, values in batch.targets.items()}
        block = _Block(batch.rows.numpy(), physical(found, partial(labels_of, spec)), truth)
        if modality.several_items:
            parts.append(block)
        else:
            yield block
    if items:
        losses |= {name: value / items for name, value in losses.items()}
    if parts:
        yield _averaged(_joined(parts), np.concatenate([part.rows for part in parts]))


def _joined(parts: Sequence[_Block]) -> _Block:
    return _Block(
        np.concatenate([part.rows for part in parts]),
        {level: Members.joined([part.members[level] for part in parts]) for level in parts[0].members},
        {level: np.concatenate([part.truth[level] for part in parts]) for level in parts[0].truth},
    )


def _averaged(block: _Block, groups: np.ndarray) -> _Block:
    """One row a group of equal numbers, which stand together: the mean prediction, the first row and truth."""
    first = group_starts(groups)
    return _Block(
        block.rows[first],
        {level: found.averaged(groups) for level, found in block.members.items()},
        {level: values[first] for level, values in block.truth.items()},
    )


def _grouped(modality: Trainable, store: Any, spec: Spec, block: _Block) -> _Block:
    """The groups of the modality under the name of its group."""
    groups, level = modality.groups(store, block.rows), modality.levels[0]
    order = np.argsort(groups, kind="stable")
    truth = block.truth[level][order]
    ordered = _Block(block.rows[order], {modality.group: block.members[level].taken(order)}, {modality.group: truth})
    found = _averaged(ordered, groups[order])
    return replace(found, truth={modality.group: group_truth(truth, groups[order], labels_of(spec, level))})


def group_truth(truth: np.ndarray, groups: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """(groups, labels) float64 of runs of equal numbers in `groups`: the mean of what was measured, and the first row's class.

    Args:
        truth: (rows, labels), NaN = not measured.
        groups: (rows,) never decreasing.
        labels: Of the columns.
    """
    starts = group_starts(groups)
    found, known = truth[starts].astype(np.float64), ~np.isnan(truth)
    counts = np.add.reduceat(known, starts, dtype=np.int64)
    sums = np.add.reduceat(np.where(known, truth, 0.0), starts, dtype=np.float64)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return np.where([label.kind == "regression" for label in labels], means, found)


def calibrate(
    prediction: Prediction,
    truth: np.ndarray,
    labels: Sequence[Label],
    *,
    level: float = 0.9,
    logarithms: Sequence[str] = (),
) -> dict[str, Any]:
    """Label name -> conformal calibration on these rows: intervals for values, sets for classes; see `Known.logarithms`.

    Censored values count as not measured.
    """
    found: dict[str, Any] = {}
    start = 0
    for number, label in enumerate(components(labels)):
        width = label.columns
        mean, std, true = (
            prediction.mean[:, start : start + width],
            prediction.std[:, start],
            truth[:, number].astype(float),
        )
        if label.kind == "regression":
            fitted = calibrate_interval(mean[:, 0], std, true, level=level, logarithms=label.name in logarithms)
            found[label.name] = {"kind": "interval", **fitted.to_json()}
        else:
            probabilities = np.hstack([1 - mean, mean]) if label.kind == "binary" else mean
            found[label.name] = {"kind": "set", **calibrate_set(probabilities, true, level=level).to_json()}
        start += width
    return found


def components(labels: Sequence[Label]) -> list[Label]:
    """One label for each number of their values; see `Label.components`."""
    return [part for label in labels for part in label.components]


def pooled(found: Mapping[str, dict[str, float]], labels: Sequence[Label]) -> dict[str, dict[str, float]]:
    """Label name -> metric name -> value, from those of components: of values with several numbers the errors over all numbers.

    Args:
        found: Name of a component → metric name → value.
        labels: Whose components were measured; those of one value are measured together or not at all.
    """
    whole: dict[str, dict[str, float]] = {}
    for label in labels:
        parts = [found[part.name] for part in label.components]
        whole[label.name] = (
            parts[0]
            if label.width == 1
            else {
                "mae": float(np.mean([part["mae"] for part in parts])),
                "rmse": float(np.sqrt(np.mean(np.square([part["rmse"] for part in parts])))),
                "r2": _pooled_r2(parts),
            }
        )
    return whole


def _pooled_r2(parts: Sequence[Mapping[str, float]]) -> float:
    """1 - Σ SSE / Σ SST over components, each of which has its own mean; NaN where one has none."""
    squared, r2 = (np.array([part[name] for part in parts]) for name in ("rmse", "r2"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(1 - (squared**2).sum() / (squared**2 / (1 - r2)).sum())


def decided(columns: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """(N, T) from prediction columns: values, probabilities, or the most probable class."""
    out, start = [], 0
    for label in labels:
        block = columns[:, start : start + label.columns]
        out.append(block.argmax(axis=1).astype(float) if label.classes else block[:, 0])
        start += label.columns
    return np.stack(out, axis=1) if out else np.zeros((len(columns), 0))


class _PredictionFile:
    """predictions_PART.parquet, written batch by batch: row, what people know it by, predictions, spreads, measured values and bounds."""

    def __init__(
        self, run: RunFolder, modality: Trainable, store: Any, spec: Spec, columns: Sequence[str], part: str
    ) -> None:
        self._path, self._modality, self._store = run.path(f"predictions_{part}.parquet"), modality, store
        self._labels, self._columns = components(labels_of(spec, modality.levels[0])), columns
        self._writer: pq.ParquetWriter | None = None
        self._written = ExitStack()

    def __enter__(self) -> _PredictionFile:
        return self

    def __exit__(self, *error: Any) -> None:
        if self._writer is not None:
            self._writer.close()
        self._written.__exit__(*error)

    def write(self, rows: np.ndarray, found: Prediction, truth: np.ndarray) -> None:
        """Append the predictions of some rows."""
        table = self._table(rows, found, truth).to_arrow()
        if self._writer is None:
            temporary = self._written.enter_context(replacing(self._path))
            self._writer = pq.ParquetWriter(temporary, table.schema)
        self._writer.write_table(table)

    def _table(self, rows: np.ndarray, found: Prediction, truth: np.ndarray) -> pl.DataFrame:
        data: dict[str, Any] = {"row": rows, **self._modality.identify(self._store, rows)}
        for number, name in enumerate(self._columns):
            data[name], data[f"{name}_disagreement"] = found.mean[:, number], found.std[:, number]
        bounds = self._modality.bounds(self._store, rows)
        for number, label in enumerate(self._labels):
            data[f"{label.name}_measured"] = truth[:, number]
            if bounds is not None:
                data[f"{label.name}_bound"] = bounds[:, number]
        return pl.DataFrame(data)

"""Predictions with uncertainty for a user's file, streamed to another or straight into a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hooke.core.concentrations import is_concentration
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.options import chosen
from hooke.core.types import Chunk, Source
from hooke.core.units import factor
from hooke.evaluate.conformal import IntervalCalibration, SetCalibration, missing
from hooke.inference.applicability import VERDICT, Domain, domain_vectors
from hooke.inference.ensemble import Members, Prediction, physical
from hooke.inference.loaded import LoadedRun, next_step
from hooke.inference.plan import InferencePlan, measured
from hooke.inference.stream import SUFFIXES, StreamReport, computed, stream
from hooke.inference.thresholds import thresholds
from hooke.modalities import Readable, readable

if TYPE_CHECKING:
    import polars as pl

NOT_FINITE = "the prediction is not a finite number"


def predict(
    run: Path | LoadedRun,
    source: Any,
    output: Path,
    *,
    levels: Sequence[str] | None = None,
    uncertainty: bool = True,
    domain: bool | None = None,
    threshold: Sequence[float | str] = (),
    dropout_samples: int = 0,
    batch_size: int | None = None,
    workers: int | None = None,
    device: str = "auto",
    resume: bool = True,
    show_progress: bool = True,
    escape_formulas: bool = False,
    **options: Any,
) -> StreamReport:
    """Predict every row of a file (molecules) or every well of a store (images) with a trained run; every row has its output row, in order.

    The output holds the columns of the source, and for each label of whole rows:

    - regression: `<label>`, `<label>_lower` and `<label>_upper` (conformal interval at the calibrated level) and `<label>_std` (standard
      deviation of the error, calibrated on the validation rows), on the scale of the training labels;
    - a p-value made from a column (`data.transforms`): besides, `<column>`, `<column>_lower` and `<column>_upper`, the concentrations in the
      column's unit; concentrations that are learnt as they stand are never below 0;
    - binary: `<label>` (probability of 1), `<label>_class` (class by the threshold), `<label>_set` (classes of the conformal set, "0|1");
    - classes: `<label>` (most probable class), `<label>[c]` for each class c, `<label>_set`; by their names where they have names;

    `<label>_disagreement` beside every probability, and instead of `<label>_std` where nothing could be calibrated: the standard deviation over
    the members of the ensemble and what their heads state, which is no error bar; null without either;

    for labels of parts (atoms and bonds) one list a row (in their order after standardisation), and `reason`: why a row has no prediction.

    Args:
        run: A run folder, or a loaded run.
        source: A user's file, or a prepared store.
        output: .parquet or .csv; or a file of the modality (`Readable.exports`), which has all rows in `<output>.parquet` beside it.
        levels: Of the labels; by default that of whole rows, or what the run has when it has none of these; all for a file of the modality.
        uncertainty: Write spread, intervals and sets.
        domain: Write whether a row lies inside of the domain of the training rows, why not, and how far it is: see
            `inference.applicability`. By default where the run keeps its domain, as potentials do.
        threshold: Probability from which a row is class 1: a number or "balanced" (the greatest balanced accuracy on the validation rows),
            or "LABEL=..." for one label; ½ by default.
        dropout_samples: Write `<label>_dropout_std`, the spread over so many passes of each member with dropout left on.
        batch_size: Items a batch; None takes the modality's.
        workers: Processes for preparing; None takes all cores.
        device: "auto", "cpu" or "cuda"; a loaded run stays where it is.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show rows, rate and time left.
        escape_formulas: In a CSV, put an apostrophe before texts that a spreadsheet would run as formulas.
        options: How the file is read: the `Readable.options` of the modality.

    Raises:
        UsageError: Unknown level or kind of output; passes with dropout of networks that have none; a threshold that is none.
        DataError: The run, the source or the disk is at fault.
    """
    loaded = run if isinstance(run, LoadedRun) else LoadedRun.open(run, device)
    if levels is None and Path(output).suffix.lower() in readable(loaded.modality, "predict").exports:
        levels = [level for level in readable(loaded.modality, "predict").levels if loaded.level_labels(level)]
    columns = _columns(loaded, levels, uncertainty, domain, dropout_samples, device, options, threshold)
    size = batch_size or columns.modality.batch_size
    found = _source(columns, source, size, workers or 0)
    identity = {"verb": "predict", "options": asdict(columns.options), "batch_size": size}
    if dropout_samples:
        identity["dropout_samples"] = dropout_samples
    identity |= columns.facts
    output, whole = Path(output), Path(output)
    exported = output.suffix.lower() in columns.modality.exports
    if exported:
        whole = output.with_name(f"{output.name}.parquet")
    report = stream(
        found, whole, columns, columns.run.stamp(), identity, workers=workers, resume=resume,
        show_progress=show_progress, doing="predicting", suffixes=(*SUFFIXES, *columns.modality.exports), escape_formulas=escape_formulas,
    )  # fmt: skip
    if exported:
        columns.modality.export(whole, output, found, columns.run.run_spec)
        return replace(report, output=str(output), facts={**report.facts, "all rows": str(whole)})
    return report


def plan_prediction(
    run: LoadedRun, source: Any, *, batch_size: int | None = None, seconds: float = 10.0, **options: Any
) -> InferencePlan:
    """What predicting a source would need, measured on its first rows; see `inference.plan.measured`."""
    columns = _columns(run, None, True, None, 0, str(run.predictor.device), options, ())
    found = _source(columns, source, batch_size or columns.modality.batch_size)
    predictor = run.predictor
    return measured(found, columns, parameters=predictor.parameters, device=str(predictor.device), seconds=seconds)


def predict_in_memory(
    run: Path | LoadedRun,
    given: Any,
    *,
    levels: Sequence[str] | None = None,
    uncertainty: bool = True,
    domain: bool | None = None,
    threshold: Sequence[float | str] = (),
    dropout_samples: int = 0,
    batch_size: int | None = None,
    device: str = "auto",
    **options: Any,
) -> pl.DataFrame:
    """The same for a few things (SMILES) or a store, in memory; see `predict` for the columns."""
    import polars as pl

    columns = _columns(run, levels, uncertainty, domain, dropout_samples, device, options, threshold)
    source = _source(columns, given, batch_size or columns.modality.batch_size)
    found = pl.from_arrow(pa.concat_tables(computed(source, columns, workers=0)))
    assert isinstance(found, pl.DataFrame)
    return found


def _columns(
    run: Path | LoadedRun, levels: Sequence[str] | None, uncertainty: bool, domain: bool | None, dropout_samples: int,
    device: str, options: Mapping[str, Any], threshold: Sequence[float | str],
) -> PredictionColumns:  # fmt: skip
    loaded = run if isinstance(run, LoadedRun) else LoadedRun.open(run, device)
    placed = Domain.kept_by(loaded) if domain is None else Domain.of(loaded) if domain else None
    extras = Extras(placed, dropout_samples, tuple(threshold))
    return PredictionColumns(loaded, levels, uncertainty=uncertainty, extras=extras, options=options)


def _source(columns: PredictionColumns, given: Any, batch_size: int, workers: int = 0) -> Source:
    run, modality = columns.run, columns.modality
    source = modality.source(given, columns.spec, columns.options, batch_size=batch_size, workers=workers)
    if not run.recipe.has_estimator and (width := run.width_of(source)) != run.width:
        raise UsageError(
            f"{run.run.folder} predicts from {run.width} numbers of its encoder, which gives {width} for {source.name}: "
            "it has other channels than the run was trained on"
        )
    return source


@dataclass(frozen=True)
class Extras:
    """What is written beside predictions: places in a domain, the spread of so many passes with dropout, classes by these thresholds."""

    domain: Domain | None = None
    dropout_samples: int = 0
    threshold: tuple[float | str, ...] = ()


class PredictionColumns:
    """The columns of a run's predictions.

    Args:
        run: Which run.
        levels: Of the labels to predict; None for the usual ones.
        uncertainty: With spread, intervals and sets.
        extras: What else.
        options: Of the modality.
    """

    def __init__(
        self,
        run: LoadedRun,
        levels: Sequence[str] | None,
        *,
        uncertainty: bool,
        extras: Extras = Extras(),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.run, self._uncertainty, self._extras = run, uncertainty, extras
        self.modality = readable(run.modality, "predict")
        for name in options or ():
            if name in self.modality.of_embeddings:
                raise UsageError(f"{name} changes embeddings alone, and no prediction")
        self.options = chosen(self.modality, options or {})
        self._levels, self.on_gpu = _chosen(run, self.modality, levels), run.on_gpu
        self._several = run.predictor.has_spread
        main = [
            label for level in self._levels for label in run.level_labels(level) if level == self.modality.levels[0]
        ]
        self._thresholds = thresholds(run.run, main, extras.threshold)
        self._uncalibrated = missing(run.calibration, [label.name for label in main]) if uncertainty else {}

    @property
    def spec(self) -> Any:
        """What the batches must carry."""
        return self.run.spec if self._extras.domain is None else self.modality.comparable(self.run.spec)

    @property
    def facts(self) -> dict[str, Any]:
        """The thresholds of labels with two classes, and which labels have no intervals and why."""
        shown = {"thresholds": self._thresholds, "uncalibrated": self._uncalibrated}
        return {name: value for name, value in shown.items() if value}

    @property
    def counted(self) -> list[str]:
        """Predicted classes of labels with two, and the verdict of the domain."""
        return [*(f"{name}_class" for name in self._thresholds), *([VERDICT] if self._extras.domain else [])]

    @cached_property
    def schema(self) -> pa.Schema:
        """Name and type of each column, found by predicting nothing."""
        return pa.schema([pa.field(name, array.type) for name, array in self._empty()])

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The columns for the rows with items, and which of them have a prediction that is not finite."""
        parts: list[dict[str, Members]] = []
        drawn: list[Members] = []
        vectors: list[np.ndarray] = []
        bits: list[np.ndarray] = []
        with self.run.adapting(chunk, self.options):
            for batch in chunk.batches:
                parts.append(physical(self.run.predictor.members(batch), self.run.level_labels))
                if self._dropout_names():
                    samples = self._extras.dropout_samples
                    drawn.append(self.run.ensemble.dropout_members(batch, samples)[self.modality.levels[0]])
                if self._extras.domain is not None:
                    vectors.append(domain_vectors(self.run, batch))
                    found = self.modality.fingerprints(batch)
                    bits += [] if found is None else [found]
        if not parts:
            return [array for _, array in self._empty()], {}
        main = self.modality.levels[0]
        members = {level: Members.joined([part[level] for part in parts]) for level in self._levels}
        if main in members:
            members[main] = _averaged(members[main], chunk)
        predictions = {level: found.prediction() for level, found in members.items()}
        columns = self._columns(predictions, {level: _offsets(counts) for level, counts in chunk.parts.items()})
        if drawn:
            spread = _averaged(Members.joined(drawn), chunk).prediction().std
            columns += [(f"{name}_dropout_std", _floats(spread[:, n])) for n, name in enumerate(self._dropout_names())]
        if self._extras.domain is not None:
            columns += self._of_domain(self._extras.domain, chunk.means(np.concatenate(vectors)), bits)
        return [array for _, array in columns], dict.fromkeys(_bad(predictions, chunk, main), NOT_FINITE)

    def _empty(self) -> list[tuple[str, pa.Array]]:
        """The columns of no row."""
        domain = self._extras.domain
        drawn = [(f"{name}_dropout_std", _floats(np.zeros(0))) for name in self._dropout_names()]
        placed = domain.placed(None, np.zeros((0, domain.vectors.shape[1])), self.modality.items) if domain else {}
        return [*self._columns(self._nothing(), {}), *drawn, *placed.items()]

    def _nothing(self) -> dict[str, Prediction]:
        """The prediction of no row: it says which columns there are."""
        empty: dict[str, Prediction] = {}
        for level in self._levels:
            width = sum(label.columns for label in self.run.level_labels(level))
            empty[level] = Prediction(np.zeros((0, width)), np.zeros((0, width)))
        return empty

    def _dropout_names(self) -> list[str]:
        wanted = self._extras.dropout_samples and self.modality.levels[0] in self._levels
        return list(self.run.predictor.columns(self.modality.levels[0])) if wanted else []

    def _of_domain(self, domain: Domain, vectors: np.ndarray, bits: list[np.ndarray]) -> list[tuple[str, pa.Array]]:
        return list(domain.placed(np.concatenate(bits) if bits else None, vectors, self.modality.items).items())

    def _columns(
        self, found: Mapping[str, Prediction], offsets: Mapping[str, np.ndarray]
    ) -> list[tuple[str, pa.Array]]:
        made: list[tuple[str, pa.Array]] = []
        for level in self._levels:
            prediction, start = found[level], 0
            columns: list[tuple[str, pa.Array]] = []
            for label in self.run.level_labels(level):
                part = slice(start, start + label.columns)
                columns += self._of_label(label, prediction.mean[:, part], prediction.std[:, part])
                start += label.columns
            if level != self.modality.levels[0]:
                ends = pa.array(offsets.get(level, np.zeros(1)).astype(np.int32))
                columns = [(name, pa.ListArray.from_arrays(ends, array)) for name, array in columns]
            made += columns
        return made

    def _of_label(self, label: Label, mean: np.ndarray, std: np.ndarray) -> list[tuple[str, pa.Array]]:
        def disagreement(name: str, values: np.ndarray) -> list[tuple[str, pa.Array]]:
            if not self._uncertainty:
                return []
            return [(f"{name}_disagreement", _floats(values) if self._several else pa.nulls(len(values), pa.float32()))]

        if label.width > 1:
            several = [(label.name, _vectors(mean))]
            return several + (
                [(f"{label.name}_disagreement", _vectors(std))] if self._uncertainty and self._several else []
            )
        calibration = self.run.calibration.get(label.name) if self._uncertainty else None
        if label.level != self.modality.levels[0]:
            calibration = None
        if label.classes:
            best = mean.argmax(axis=1).astype(np.int16) if len(mean) else np.zeros(0, np.int16)
            columns = [(label.name, _named(best, label))]
            for number, name in enumerate(label.names or range(label.classes)):
                columns.append((f"{label.name}[{name}]", _floats(mean[:, number])))
                columns += disagreement(f"{label.name}[{name}]", std[:, number])
        else:
            columns = [(label.name, _values(mean[:, 0], label))]
        if label.name in self._thresholds:
            called = (mean[:, 0] >= self._thresholds[label.name]).astype(np.int16)
            columns.append((f"{label.name}_class", _named(called, label)))
        if isinstance(calibration, IntervalCalibration):
            lower, upper = calibration.interval(mean[:, 0], std[:, 0])
            lower = np.maximum(lower, -label.offset) if is_concentration(label.unit) else lower
            columns += [(f"{label.name}_lower", _values(lower, label)), (f"{label.name}_upper", _values(upper, label))]
            deviation = calibration.deviation(mean[:, 0], std[:, 0])
            columns += (
                disagreement(label.name, std[:, 0])
                if deviation is None
                else [(f"{label.name}_std", _floats(deviation))]
            )
            return columns + _original(label, mean[:, 0], (lower, upper))
        if isinstance(calibration, SetCalibration):
            probabilities = mean if label.classes else np.hstack([1 - mean, mean])
            columns.append((f"{label.name}_set", _sets(calibration.contains(probabilities), label)))
        return (
            columns if label.classes else columns + disagreement(label.name, std[:, 0]) + _original(label, mean[:, 0])
        )


def _original(
    label: Label, mean: np.ndarray, interval: tuple[np.ndarray, np.ndarray] | None = None
) -> list[tuple[str, pa.Array]]:
    """A p-value and its interval as the concentrations from which the label was made, in their unit; nothing of other labels."""
    if not label.original:
        return []
    scale = -math.log10(factor(label.original_unit, "M")) if label.original_unit else 0.0
    values = {label.original: mean}
    if interval is not None:  # the larger p-value is the smaller concentration
        values |= {f"{label.original}_lower": interval[1], f"{label.original}_upper": interval[0]}
    with np.errstate(over="ignore", under="ignore"):
        return [(name, pa.array(10.0 ** (scale - p_values), pa.float64())) for name, p_values in values.items()]


def _averaged(members: Members, chunk: Chunk) -> Members:
    """The means over crops, then over fields: one row a row of the table that has items."""
    for step in chunk.steps:
        members = members.averaged(step)
    return members


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _bad(predictions: Mapping[str, Prediction], chunk: Chunk, main: str) -> list[int]:
    """Positions, among the rows with items, of those with a prediction that is not finite."""
    bad: set[int] = set()
    for level, found in predictions.items():
        counts = np.ones(len(found.mean), np.int64) if level == main else chunk.parts[level]
        owner = np.repeat(np.arange(len(counts)), counts)
        bad |= set(owner[~np.isfinite(found.mean).all(axis=1)].tolist())
    return sorted(bad)


def _chosen(run: LoadedRun, modality: Readable, levels: Sequence[str] | None) -> tuple[str, ...]:
    present: list[str] = [level for level in modality.levels if run.level_labels(level)]
    if not present:
        raise UsageError(
            f"{run.run.folder} learned without labels and predicts none: `hooke embed` gives vectors of {modality.items}, "
            f"`{next_step(run.run)[1]}` is what comes next"
        )
    listed = [level for level in present if level != modality.levels[0] and level in modality.listed]
    if levels is None:
        usual = [level for level in present if level == modality.levels[0]] or listed
        if not usual:
            raise UsageError(
                f"{run.run.folder} has labels of {present[0]}s only, which cannot be predicted for new {modality.items}"
            )
        return tuple(usual)
    valid = [level for level in present if level in (modality.levels[0], *listed)]
    for level in levels:
        if level not in valid:
            raise UnknownNameError("level", level, valid)
    return tuple(dict.fromkeys(levels))


def _named(codes: np.ndarray, label: Label) -> pa.Array:
    """Classes by their names, or by their numbers."""
    return pa.array(np.array(label.names, object)[codes], pa.string()) if label.names else pa.array(codes)


def _values(values: np.ndarray, label: Label) -> pa.Array:
    """What is predicted of a label, with its offset."""
    return _floats(values + label.offset, label)


def _floats(values: np.ndarray, label: Label | None = None) -> pa.Array:
    """In 32 bits; computed labels and those with an offset in 64, since total energies need more digits."""
    with np.errstate(over="ignore"):  # what float32 cannot hold is null in the output
        return pa.array(
            values.astype(np.float64 if label is not None and (label.method or label.offset) else np.float32)
        )


def _vectors(values: np.ndarray) -> pa.Array:
    """(N, width) as one list of fixed length a row."""
    with np.errstate(over="ignore"):
        flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _sets(contained: np.ndarray, label: Label) -> pa.Array:
    """(N, classes) bool as "0|2", by names where the classes have names; "" when no class is likely enough."""
    if contained.shape[1] <= 2 and not label.names:
        names = np.array(["", "1", "0", "0|1"])  # all that a binary label can have
        return pa.array(names[contained[:, 0] * 2 + contained[:, 1]].tolist(), pa.string())
    known = np.array(label.names or [str(number) for number in range(contained.shape[1])])
    return pa.array(["|".join(known[row]) for row in contained], pa.string())

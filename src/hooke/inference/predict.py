"""Predictions with uncertainty for new molecules, streamed to a file or straight into a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.evaluate.conformal import IntervalCalibration, SetCalibration
from hooke.inference.domain import COLUMNS, MORGAN, Domain, WithFingerprints
from hooke.inference.ensemble import Prediction
from hooke.inference.loaded import LoadedRun, next_step
from hooke.inference.stream import StreamReport, stream, table_of
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.batch import batches
from hooke.molecules.source import How, open_source, prepare_smiles
from hooke.molecules.spec import LEVELS
from hooke.molecules.store import MoleculeStore

if TYPE_CHECKING:
    import polars as pl

NOT_FINITE = "the prediction is not a finite number"
_LISTED = ("node", "edge")


def predict(
    run: Path | LoadedRun,
    source: Path | str | MoleculeStore,
    output: Path,
    *,
    smiles_column: str | None = None,
    levels: Sequence[str] | None = None,
    uncertainty: bool = True,
    domain: bool = False,
    dropout_samples: int = 0,
    batch_size: int = 256,
    workers: int | None = None,
    device: str = "auto",
    resume: bool = True,
    show_progress: bool = True,
) -> StreamReport:
    """Predict every row of a table with a trained run; every row has its output row, in order.

    The output holds `row` (number in the source), the input columns, and for each label of a molecule:

    - regression: `<label>`, `<label>_std` (spread of the ensemble and what its heads state; null without either), `<label>_lower` and
      `<label>_upper` (conformal interval at the calibrated level), on the scale of the training labels;
    - binary: `<label>` (probability of 1), `<label>_std`, `<label>_set` (classes of the conformal set, "0|1");
    - classes: `<label>` (most probable class), `<label>[c]` and `<label>[c]_std` for each class c, `<label>_set`;

    for labels of atoms and bonds one list a molecule (in the order of its atoms and bonds after standardisation), and
    `reason`: why a row has no prediction.

    Args:
        run: A run folder, or a loaded run.
        source: CSV(.gz), Parquet, SDF or SMILES file, or a prepared store.
        output: .parquet or .csv.
        smiles_column: Name of the SMILES column, if it is not recognised.
        levels: "graph", "node", "edge"; by default "graph", or what the run has when it has no graph-level label.
        uncertainty: Write spread, intervals and sets.
        domain: Write `nearest_tanimoto` and `embedding_distance`: how far a molecule is from the training molecules.
        dropout_samples: Write `<label>_dropout_std`, the spread over so many passes of each member with dropout left on.
        batch_size: Molecules a batch.
        workers: Processes for parsing; None takes all cores.
        device: "auto", "cpu" or "cuda"; a loaded run stays where it is.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show rows, rate and time left.

    Raises:
        UsageError: Unknown level or kind of output; passes with dropout of networks that have none.
        DataError: The run, the source or the disk is at fault.
    """
    loaded = run if isinstance(run, LoadedRun) else LoadedRun.open(run, device)
    extras = Extras(Domain.of(loaded) if domain else None, dropout_samples)
    columns = PredictionColumns(loaded, levels, batch_size, uncertainty=uncertainty, extras=extras)
    options = {"verb": "predict", "smiles": smiles_column, "batch_size": batch_size}
    if dropout_samples:
        options["dropout_samples"] = dropout_samples
    return stream(
        open_source(source, smiles_column), Path(output), columns, columns.preparation,
        loaded.stamp(), options, workers=workers, resume=resume, show_progress=show_progress, doing="predicting",
    )  # fmt: skip


def predict_smiles(
    run: Path | LoadedRun,
    smiles: Sequence[str],
    *,
    levels: Sequence[str] | None = None,
    uncertainty: bool = True,
    domain: bool = False,
    dropout_samples: int = 0,
    batch_size: int = 256,
    device: str = "auto",
) -> pl.DataFrame:
    """The same for a few strings, in memory; see `predict` for the columns."""
    import polars as pl

    loaded = run if isinstance(run, LoadedRun) else LoadedRun.open(run, device)
    extras = Extras(Domain.of(loaded) if domain else None, dropout_samples)
    columns = PredictionColumns(loaded, levels, batch_size, uncertainty=uncertainty, extras=extras)
    chunk = prepare_smiles(smiles, columns.preparation)
    found = pl.from_arrow(table_of(chunk, columns))
    assert isinstance(found, pl.DataFrame)
    return found


@dataclass(frozen=True)
class Extras:
    """What is written beside predictions: distances to a domain, and the spread of so many passes with dropout."""

    domain: Domain | None = None
    dropout_samples: int = 0


class PredictionColumns:
    """The columns of a run's predictions.

    Args:
        run: Which run.
        levels: Of the labels to predict; None for the usual ones.
        batch_size: Molecules a batch.
        uncertainty: With spread, intervals and sets.
        extras: What else.
    """

    def __init__(
        self,
        run: LoadedRun,
        levels: Sequence[str] | None,
        batch_size: int,
        *,
        uncertainty: bool,
        extras: Extras = Extras(),
    ) -> None:
        self._run, self._batch_size, self._uncertainty, self._extras = run, batch_size, uncertainty, extras
        self._levels, self.on_gpu = _chosen(run, levels), run.on_gpu
        self._several = len(run.ensemble.networks) > 1 or run.ensemble.states_spread

    @property
    def preparation(self) -> How:
        """How SMILES become what is needed here."""
        if self._extras.domain is None:
            return self._run.preparation
        return WithFingerprints(self._run.standardise, self._run.encodings)

    @cached_property
    def schema(self) -> pa.Schema:
        """Name and type of each column, found by predicting no molecule."""
        return pa.schema([pa.field(name, array.type) for name, array in self._empty()])

    def compute(self, arrays: MoleculeArrays) -> tuple[list[pa.Array], dict[int, str]]:
        """The columns for K molecules, and which of them have a prediction that is not finite."""
        if not len(arrays):
            return [array for _, array in self._empty()], {}
        bits = arrays.graph_encodings.get(MORGAN)
        if bits is not None:
            others = {name: values for name, values in arrays.graph_encodings.items() if name != MORGAN}
            arrays = replace(arrays, graph_encodings=others)
        parts = [self._run.ensemble.predict(batch) for batch in batches(arrays, self._batch_size)]
        found = {
            level: Prediction(
                np.concatenate([part[level].mean for part in parts]),
                np.concatenate([part[level].std for part in parts]),
            )
            for level in self._levels
        }
        counts = {"graph": np.ones(len(arrays), np.int64), "node": arrays.atom_counts, "edge": arrays.bond_counts}
        bad = {
            int(molecule)
            for level, prediction in found.items()
            for molecule in np.repeat(np.arange(len(arrays)), counts[level])[~np.isfinite(prediction.mean).all(axis=1)]
        }
        offsets = {"node": arrays.atom_offsets, "edge": arrays.bond_offsets}
        columns = [*self._columns(found, offsets), *self._of_dropout(arrays), *self._of_domain(arrays, bits)]
        return [array for _, array in columns], dict.fromkeys(bad, NOT_FINITE)

    def _empty(self) -> list[tuple[str, pa.Array]]:
        """The columns of no molecule."""
        names = [*(f"{name}_dropout_std" for name in self._dropout_names()), *(COLUMNS if self._extras.domain else ())]
        return [*self._columns(_nothing(self._run)), *((name, _floats(np.zeros(0))) for name in names)]

    def _dropout_names(self) -> list[str]:
        graph = self._extras.dropout_samples and "graph" in self._levels
        return list(self._run.ensemble.task.columns("graph")) if graph else []

    def _of_dropout(self, arrays: MoleculeArrays) -> list[tuple[str, pa.Array]]:
        names = self._dropout_names()
        if not names:
            return []
        samples = self._extras.dropout_samples
        spreads = [
            self._run.ensemble.dropout_spread(batch, samples)["graph"] for batch in batches(arrays, self._batch_size)
        ]
        joined = np.concatenate(spreads)
        return [(f"{name}_dropout_std", _floats(joined[:, number])) for number, name in enumerate(names)]

    def _of_domain(self, arrays: MoleculeArrays, bits: np.ndarray | None) -> list[tuple[str, pa.Array]]:
        domain = self._extras.domain
        if domain is None or bits is None:
            return []
        vectors = np.concatenate([self._run.ensemble.embed(batch) for batch in batches(arrays, self._batch_size)])
        return list(zip(COLUMNS, (_floats(domain.tanimoto(bits)), _floats(domain.distance(vectors))), strict=True))

    def _columns(
        self, found: dict[str, Prediction], offsets: dict[str, np.ndarray] | None = None
    ) -> list[tuple[str, pa.Array]]:
        made: list[tuple[str, pa.Array]] = []
        for level in self._levels:
            prediction, start = found[level], 0
            columns: list[tuple[str, pa.Array]] = []
            for label in self._run.level_labels(level):
                width = max(1, label.classes)
                part = slice(start, start + width)
                columns += self._of_label(label, prediction.mean[:, part], prediction.std[:, part])
                start += width
            if level in _LISTED:
                ends = pa.array((offsets or {}).get(level, np.zeros(1)).astype(np.int32))
                columns = [(name, pa.ListArray.from_arrays(ends, array)) for name, array in columns]
            made += columns
        return made

    def _of_label(self, label: Label, mean: np.ndarray, std: np.ndarray) -> list[tuple[str, pa.Array]]:
        def spread(values: np.ndarray) -> pa.Array:
            return _floats(values) if self._several else pa.nulls(len(values), pa.float32())

        if label.classes:
            columns = [(label.name, pa.array(mean.argmax(axis=1).astype(np.int16)))]
            for number in range(label.classes):
                columns.append((f"{label.name}[{number}]", _floats(mean[:, number])))
                if self._uncertainty:
                    columns.append((f"{label.name}[{number}]_std", spread(std[:, number])))
        else:
            columns = [(label.name, _floats(mean[:, 0]))]
            if self._uncertainty:
                columns.append((f"{label.name}_std", spread(std[:, 0])))
        calibration = self._run.calibration.get(label.name) if self._uncertainty and label.level == "graph" else None
        if isinstance(calibration, IntervalCalibration):
            lower, upper = calibration.interval(mean[:, 0], std[:, 0])
            columns += [(f"{label.name}_lower", _floats(lower)), (f"{label.name}_upper", _floats(upper))]
        elif isinstance(calibration, SetCalibration):
            probabilities = mean if label.classes else np.hstack([1 - mean, mean])
            columns.append((f"{label.name}_set", _sets(calibration.contains(probabilities))))
        return columns


def _chosen(run: LoadedRun, levels: Sequence[str] | None) -> tuple[str, ...]:
    present: list[str] = [level for level in LEVELS if run.level_labels(level)]
    if not present:
        raise UsageError(
            f"{run.run.folder} learned without labels and predicts none: `hooke embed` gives vectors of molecules, "
            f"`{next_step(run.run)[1]}` adapts it"
        )
    if levels is None:
        usual = [level for level in present if level == "graph"] or [level for level in present if level in _LISTED]
        if not usual:
            raise UsageError(f"{run.run.folder} has labels of pairs only, which cannot be predicted for new molecules")
        return tuple(usual)
    for level in levels:
        if level not in present or level == "pair":
            raise UnknownNameError("level", level, [name for name in present if name != "pair"])
    return tuple(dict.fromkeys(levels))


def _nothing(run: LoadedRun) -> dict[str, Prediction]:
    """The prediction of no molecule: it says which columns there are."""
    empty: dict[str, Prediction] = {}
    for level in LEVELS:
        width = sum(max(1, label.classes) for label in run.level_labels(level))
        empty[level] = Prediction(np.zeros((0, width)), np.zeros((0, width)))
    return empty


def _floats(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32))


def _sets(contained: np.ndarray) -> pa.Array:
    """(N, classes) bool as "0|2"; "" when no class is likely enough."""
    if contained.shape[1] <= 2:
        names = np.array(["", "1", "0", "0|1"])  # all that a binary label can have
        return pa.array(names[contained[:, 0] * 2 + contained[:, 1]].tolist(), pa.string())
    return pa.array(["|".join(map(str, np.flatnonzero(row))) for row in contained], pa.string())

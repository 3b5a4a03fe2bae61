"""What a finished run is worth: predictions of its valid and test rows, their metrics, and conformal calibration.

Rows are predicted batch by batch and written as they come. While a part has few values, all of them are kept and every metric is
exact; a larger part is measured by `StreamedMetrics`, and intervals are calibrated on its first `_CALIBRATION_ROWS` rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.evaluate.conformal import calibrate_interval, calibrate_set
from hooke.evaluate.metrics import evaluate
from hooke.evaluate.splits import Split
from hooke.evaluate.streaming import StreamedMetrics
from hooke.inference.ensemble import Ensemble, Prediction
from hooke.molecules.batch import collate
from hooke.molecules.store import MoleculeStore
from hooke.train.split import leak_report

_BATCH = 256
_EXACT_VALUES = 20_000_000  # items × labels of a level up to which all values are kept: 160 MB an array
_CALIBRATION_ROWS = 20_000


@dataclass
class _Level:
    """What is gathered of one level, batch by batch."""

    labels: Sequence[Label]
    metrics: StreamedMetrics = field(init=False)
    items: int = 0
    predictions: list[Prediction] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metrics = StreamedMetrics(self.labels)

    def add(self, found: Prediction, truth: np.ndarray) -> None:
        """Take in one batch."""
        self.items += len(truth)
        self.metrics.update(decided(found.mean, self.labels), truth)
        if self.exact or self.items <= _CALIBRATION_ROWS:
            self.predictions.append(found)
            self.truth.append(truth)

    @property
    def exact(self) -> bool:
        """Whether everything so far is kept."""
        return self.items * len(self.labels) <= _EXACT_VALUES

    def kept(self) -> tuple[Prediction, np.ndarray]:
        """The kept predictions and truths as one."""
        mean, std = (np.concatenate([getattr(found, name) for found in self.predictions]) for name in ("mean", "std"))
        return Prediction(mean, std), np.concatenate(self.truth)

    def result(self) -> dict[str, dict[str, float]]:
        """Label name -> metric name -> value."""
        if not self.exact:
            return self.metrics.result()
        found, truth = self.kept()
        return evaluate(decided(found.mean, self.labels), truth.astype(np.float64), self.labels)


def measure(run: RunFolder, store: MoleculeStore, split: Split, ensemble: Ensemble) -> None:
    """Predict valid and test, write the graph-level predictions, and the metrics of every level."""
    metrics: dict[str, Any] = {}
    for part in ("valid", "test"):
        rows = getattr(split, part)
        if not len(rows):
            continue
        levels: dict[str, _Level] = {}
        with _PredictionFile(run, store, ensemble.task.columns("graph"), part) as file:
            for some, found, truth in _predicted(store, rows, ensemble):
                for level, prediction in found.items():
                    levels.setdefault(level, _Level(store.level_labels(level))).add(prediction, truth[level])
                if "graph" in found:
                    file.write(some, found["graph"])
        metrics[part] = {level: gathered.result() for level, gathered in levels.items()}
        if part == "valid" and "graph" in levels:
            run.write_json("uncertainty.json", calibrate(*levels["graph"].kept(), store.level_labels("graph")))
    run.write_json("metrics.json", metrics)
    run.write_json("leaks.json", leak_report(store, split))


def _predicted(
    store: MoleculeStore, rows: np.ndarray, ensemble: Ensemble
) -> Iterator[tuple[np.ndarray, dict[str, Prediction], dict[str, np.ndarray]]]:
    """Batches of rows with their predictions and truths by level."""
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        batch = collate(store.read(some))
        yield some, ensemble.predict(batch), {level: values.numpy() for level, values in batch.targets.items()}


def calibrate(
    prediction: Prediction, truth: np.ndarray, labels: Sequence[Label], *, level: float = 0.9
) -> dict[str, Any]:
    """Label name -> conformal calibration on these rows: intervals for values, sets for classes."""
    found: dict[str, Any] = {}
    start = 0
    for number, label in enumerate(labels):
        width = max(1, label.classes)
        mean, std, true = (
            prediction.mean[:, start : start + width],
            prediction.std[:, start],
            truth[:, number].astype(float),
        )
        if label.kind == "regression":
            found[label.name] = {"kind": "interval", **calibrate_interval(mean[:, 0], std, true, level=level).to_json()}
        else:
            probabilities = np.hstack([1 - mean, mean]) if label.kind == "binary" else mean
            found[label.name] = {"kind": "set", **calibrate_set(probabilities, true, level=level).to_json()}
        start += width
    return found


def decided(columns: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """(N, T) from prediction columns: values, probabilities, or the most probable class."""
    out, start = [], 0
    for label in labels:
        width = max(1, label.classes)
        block = columns[:, start : start + width]
        out.append(block.argmax(axis=1).astype(float) if label.classes else block[:, 0])
        start += width
    return np.stack(out, axis=1) if out else np.zeros((len(columns), 0))


class _PredictionFile:
    """predictions_PART.parquet, written batch by batch: row, SMILES, predictions, spreads, measured values and bounds."""

    def __init__(self, run: RunFolder, store: MoleculeStore, columns: Sequence[str], part: str) -> None:
        self._path, self._store, self._columns = run.path(f"predictions_{part}.parquet"), store, columns
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> _PredictionFile:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, rows: np.ndarray, found: Prediction) -> None:
        """Append the graph-level predictions of some rows."""
        table = self._table(rows, found).to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def _table(self, rows: np.ndarray, found: Prediction) -> pl.DataFrame:
        truth, bounds = self._store.graph_labels(rows)
        data: dict[str, Any] = {"row": rows, "smiles": self._store.smiles(rows)}
        for number, name in enumerate(self._columns):
            data[name], data[f"{name}_std"] = found.mean[:, number], found.std[:, number]
        for number, label in enumerate(self._store.level_labels("graph")):
            data[f"{label.name}_measured"] = truth[:, number]
            if self._store.metadata.get("censored"):
                data[f"{label.name}_bound"] = bounds[:, number]
        return pl.DataFrame(data)

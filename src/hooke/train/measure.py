"""What a finished run is worth: predictions of its valid and test rows, their metrics, and conformal calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from hooke.core.labels import Label
from hooke.core.runs import RunFolder
from hooke.evaluate.conformal import calibrate_interval, calibrate_set
from hooke.evaluate.metrics import evaluate
from hooke.evaluate.splits import Split
from hooke.inference.ensemble import Ensemble, Prediction
from hooke.molecules.store import MoleculeStore
from hooke.train.split import leak_report


def measure(run: RunFolder, store: MoleculeStore, split: Split, ensemble: Ensemble) -> None:
    """Predict valid and test, write the graph-level predictions, and the metrics of every level."""
    metrics: dict[str, Any] = {}
    for part in ("valid", "test"):
        rows = getattr(split, part)
        if not len(rows):
            continue
        predictions = ensemble.predict_rows(store, rows)
        truth = _targets(store, rows)
        metrics[part] = {
            level: evaluate(decided(found.mean, store.level_labels(level)), truth[level].astype(np.float64), store.level_labels(level))
            for level, found in predictions.items()
        }  # fmt: skip
        if "graph" in predictions:
            _write_predictions(run, store, rows, predictions["graph"], ensemble.task.columns("graph"), part)
            if part == "valid":
                calibration = calibrate(predictions["graph"], truth["graph"], store.level_labels("graph"))
                run.write_json("uncertainty.json", calibration)
    run.write_json("metrics.json", metrics)
    run.write_json("leaks.json", leak_report(store, split))


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


def _targets(store: MoleculeStore, rows: np.ndarray) -> dict[str, np.ndarray]:
    return store.read(rows).targets


def _write_predictions(
    run: RunFolder, store: MoleculeStore, rows: np.ndarray, found: Prediction, columns: list[str], part: str
) -> None:
    truth, bounds = store.graph_labels(rows)
    data: dict[str, Any] = {"row": rows, "smiles": store.smiles(rows)}
    for number, name in enumerate(columns):
        data[name], data[f"{name}_std"] = found.mean[:, number], found.std[:, number]
    for number, label in enumerate(store.level_labels("graph")):
        data[f"{label.name}_measured"] = truth[:, number]
        if bounds[:, number].any():
            data[f"{label.name}_bound"] = bounds[:, number]
    pl.DataFrame(data).write_parquet(run.path(f"predictions_{part}.parquet"))

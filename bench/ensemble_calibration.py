"""Does the spread of an ensemble say how large its errors are? Calibration error on the test rows of finished runs.

    python bench/ensemble_calibration.py RUN [RUN ...] [--out bench/results/ensemble-calibration.jsonl]

For each run with several members: the expected normalised calibration error (ENCE) and the miscalibration area of its first regression
label, as stated and after one factor that makes the mean of (error / spread)² 1 on the validation rows; and the share of test rows in the
conformal interval, within 1.96 spreads ("disagreement_95") and within 1.96 of the standard deviations that `predict` writes ("std_95"). The
runs of `bench/pretraining_helps.py` with `train.ensemble=3` will do.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.errors import UsageError
from hooke.evaluate.calibration import coverage, spread_calibration
from hooke.evaluate.conformal import IntervalCalibration
from hooke.inference.ensemble import Members
from hooke.inference.loaded import LoadedRun
from hooke.modalities import trainable
from hooke.molecules.store import MoleculeStore


def measured(run: Path) -> dict[str, object]:
    """One line of results."""
    loaded = LoadedRun.open(run, "cpu")
    if len(loaded.ensemble.networks) < 2:
        raise UsageError(f"{run} has a single member")
    label = next(label for label in loaded.level_labels("graph") if label.kind == "regression")
    column = loaded.ensemble.task.columns("graph").index(label.name)
    store = MoleculeStore.open(Path(loaded.run.info["store"]))
    true = store.graph_labels()[0][:, [one.name for one in store.level_labels("graph")].index(label.name)]
    molecules = trainable("molecules", "fit")
    parts = pl.read_parquet(loaded.run.path("split.parquet"))
    found = {}
    for part in ("valid", "test"):
        rows = parts.filter(pl.col("split") == part)["row"].to_numpy()
        batches = molecules.loader(store, rows, loaded.spec, loaded.recipe, part="predict").epoch(0)
        prediction = Members.joined([loaded.ensemble.members(batch)["graph"] for batch in batches]).prediction()
        found[part] = prediction.mean[:, column], prediction.std[:, column], true[rows].astype(np.float64)
    mean, std, truth = found["valid"]
    known = ~np.isnan(truth)
    factor = float(np.sqrt(np.mean(((truth - mean)[known] / std[known]) ** 2)))
    mean, std, truth = found["test"]
    stated, scaled = spread_calibration(mean, std, truth), spread_calibration(mean, factor * std, truth)
    conformal = loaded.calibration.get(label.name)
    inside = written = None
    if isinstance(conformal, IntervalCalibration):
        inside = round(coverage(*conformal.interval(mean, std), truth), 4)
        if (deviation := conformal.deviation(mean, std)) is not None:
            written = round(coverage(mean - 1.96 * deviation, mean + 1.96 * deviation, truth), 4)
    return {
        "run": f"{loaded.run.folder.parent.name}/{loaded.run.folder.name}", "label": label.name, "members": len(loaded.ensemble.networks),
        "test": stated.count, "ence": round(stated.ence, 3), "area": round(stated.miscalibration_area, 3), "factor": round(factor, 2),
        "ence_scaled": round(scaled.ence, 3), "area_scaled": round(scaled.miscalibration_area, 3), "conformal_coverage": inside,
        "disagreement_95": round(coverage(mean - 1.96 * std, mean + 1.96 * std, truth), 4), "std_95": written,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/results/ensemble-calibration.jsonl"))
    asked = parser.parse_args()
    lines = [measured(run) for run in asked.runs]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for line in lines:
        print(json.dumps(line))
    names = ("ence", "ence_scaled", "area", "area_scaled", "conformal_coverage", "disagreement_95", "std_95")
    print({name: round(float(np.mean([line[name] for line in lines if line[name] is not None])), 3) for name in names})


if __name__ == "__main__":
    main()

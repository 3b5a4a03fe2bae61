"""Do conformal sets of classes of wells hold the truth as often as they say? One network, twenty re-splits of the wells it never saw.

    python bench/image_sets.py [--resplits 20] [--level 0.9] [--runs runs] [--out bench/results/image-sets.jsonl] [a.b=c ...]

A small DenseNet learns the genes of a simulated screen (recipe `tiny_wsl`) once. The wells that it was not trained on are then split at random
into calibration and test halves, and sets are made as `hooke fit` and `hooke predict` make them (`hooke.evaluate.conformal`). Wells
are exchangeable (all of them chose the best epoch), so that the mean coverage must lie in [level - 0.02, level + 1 / (n_cal + 1) + 0.02]:
the bounds of the theorem, and 0.02 for the chance of twenty re-splits.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.evaluate.calibration import set_coverage
from hooke.evaluate.conformal import calibrate_set
from hooke.modalities import trainable
from hooke.train.fit import fit

SCREEN = (
    "data.size=64", "data.tile=64", "data.modules=3", "data.genes_per_module=2", "data.lone_genes=0", "data.inactive_genes=0",
    "data.guides=2", "data.experiments=24", "data.coverage=1.0", "data.controls=1", "data.sites=1", "data.effect_strength=3.0",
)  # fmt: skip
TRAINING = (
    "task.target=gene", "train.epochs=25", "train.learning_rate=3e-3", "train.threads=1", "train.accelerator=cpu",
    "data.split.fractions=[0.3,0.7,0.0]",
)  # fmt: skip


def held_out(run: RunFolder) -> tuple[np.ndarray, np.ndarray]:
    """(wells, classes) probabilities of the held-out wells, and their classes."""
    spec = trainable("images", "fit").read_spec(run)
    [label] = [label for label in spec.labels if label.classes]
    table = pl.read_parquet(run.path("predictions_valid.parquet"))
    return table.select(label.column_names).to_numpy(), table[f"{label.name}_measured"].to_numpy()


def resplit(probabilities: np.ndarray, true: np.ndarray, *, resplits: int, level: float) -> dict[str, Any]:
    """Coverage and size of sets, calibrated on a random half of the wells and measured on the other."""
    count = len(true) // 2
    found = []
    for seed in range(resplits):
        order = np.random.default_rng(seed).permutation(len(true))
        known, unseen = order[:count], order[count:]
        fitted = calibrate_set(probabilities[known], true[known], level=level)
        found.append(set_coverage(fitted.contains(probabilities[unseen]), true[unseen]))
    reached = np.array([one.reached.value for one in found])
    mean = float(reached.mean())
    return {
        "level": level, "resplits": resplits, "n_cal": count, "n_test": len(true) - count, "classes": probabilities.shape[1],
        "accuracy": round(float((probabilities.argmax(1) == true).mean()), 4), "coverage": round(mean, 4),
        "std": round(float(reached.std(ddof=1)), 4), "set_size": round(float(np.mean([one.mean_size for one in found])), 3),
        "empty": round(float(np.mean([one.empty for one in found])), 4),
        "holds": bool(level - 0.02 <= mean <= level + 1 / (count + 1) + 0.02),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="changes of the recipe")
    parser.add_argument("--resplits", type=int, default=20)
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("bench/results/image-sets.jsonl"))
    asked = parser.parse_args()
    started = time.monotonic()
    run = fit(load_recipe("tiny_wsl", [*SCREEN, *TRAINING, *asked.overrides]), runs=asked.runs, reuse=True)
    line = resplit(*held_out(run), resplits=asked.resplits, level=asked.level)
    line |= {"parameters": run.info["parameters"], "seconds": round(time.monotonic() - started, 1)}
    print(json.dumps(line))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with open(asked.out, "a") as file:
        file.write(json.dumps(line) + "\n")
    if not line["holds"]:
        raise SystemExit("the mean coverage lies outside its bounds")


if __name__ == "__main__":
    main()

"""Do conformal intervals hold the truth as often as they say? Five sets, 50 random re-splits each, and 50 scaffold re-splits beside them.

    python bench/conformal_coverage.py [--resplits 50] [--level 0.9] [--out bench/results/conformal_coverage.json]

Each re-split is 60/20/20 train, calibration, test. The predictor is a Gaussian process with a Tanimoto kernel on Morgan bits (it states a
spread, and fifty fits take seconds); the intervals are those of `hooke.evaluate.conformal`, which `hooke predict` writes for any network. The
guarantee is for random re-splits alone: the mean coverage must lie within 2 points of the level. Scaffold re-splits show what is lost;
"unbounded" counts those with too few calibration molecules for a finite interval.
Needs HOOKE_MIRROR or the files in the cache.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import scipy.linalg

from hooke.core import registry
from hooke.core.how import QUIET
from hooke.core.paths import cache_folder
from hooke.evaluate.calibration import coverage
from hooke.evaluate.conformal import calibrate_interval
from hooke.evaluate.splits import Split, random_split, scaffold_balanced_split
from hooke.molecules.descriptors import morgan_bits
from hooke.molecules.scaffolds import murcko_scaffold

SETS = (
    ("moleculenet", "esol"),
    ("moleculenet", "freesolv"),
    ("admet", "caco2"),
    ("admet", "biogen_rppb"),
    ("admet", "vdss"),
)
FRACTIONS = (0.6, 0.2, 0.2)
NOISE = 0.1  # of the standardised labels


def kernel(smiles: list[str]) -> np.ndarray:
    from rdkit import DataStructs

    prints = morgan_bits(smiles)
    return np.array([DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints])


def process(similarity: np.ndarray, labels: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of all molecules, from the training ones."""
    centre, scale = labels[train].mean(), labels[train].std()
    factor = scipy.linalg.cho_factor(similarity[np.ix_(train, train)] + NOISE * np.eye(len(train)), lower=True)
    mean = similarity[:, train] @ scipy.linalg.cho_solve(factor, (labels[train] - centre) / scale)
    whitened = scipy.linalg.solve_triangular(factor[0], similarity[train], lower=True)
    variance = np.maximum(1 + NOISE - np.square(whitened).sum(axis=0), NOISE)
    return centre + scale * mean, scale * np.sqrt(variance)


def covered(similarity: np.ndarray, labels: np.ndarray, split: Split, level: float) -> tuple[float, float]:
    mean, std = process(similarity, labels, split.train)
    fitted = calibrate_interval(mean[split.valid], std[split.valid], labels[split.valid], level=level)
    low, high = fitted.interval(mean[split.test], std[split.test])
    return coverage(low, high, labels[split.test]), float(np.mean(high - low))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--resplits", type=int, default=50)
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--out", type=Path, default=Path("bench/results/conformal_coverage.json"))
    asked = parser.parse_args()
    found = []
    for name, table in SETS:
        started = time.monotonic()
        module = registry.module("datasets", name)
        dataset = module.Dataset(module.Config(table=table))
        store = dataset.prepare(cache_folder() / "stores", QUIET)
        labels = store.graph_labels()[0][:, 0].astype(np.float64)
        rows = np.flatnonzero(~np.isnan(labels))
        smiles, labels = store.smiles(rows), labels[rows]
        if table == "vdss":
            labels = np.log10(labels)
        similarity, scaffolds = kernel(smiles), [murcko_scaffold(text) for text in smiles]
        line = {"set": table, "molecules": len(rows), "level": asked.level}
        for kind in ("random", "scaffold"):
            values = []
            for seed in range(asked.resplits):
                generator = np.random.default_rng(seed)
                if kind == "random":
                    split = random_split(len(rows), generator=generator, fractions=FRACTIONS)
                else:
                    split = scaffold_balanced_split(scaffolds, generator=generator, fractions=FRACTIONS)
                values.append(covered(similarity, labels, split, asked.level))
            reached, width = np.array(values).T
            line[kind] = {
                "coverage": round(float(reached.mean()), 4), "std": round(float(reached.std(ddof=1)), 4),
                "median_width": round(float(np.median(width[np.isfinite(width)])), 4), "unbounded": int(np.isinf(width).sum()),
            }  # fmt: skip
        line["within_2_points"] = bool(abs(line["random"]["coverage"] - asked.level) <= 0.02)
        line["seconds"] = round(time.monotonic() - started, 1)
        found.append(line)
        print(json.dumps(line), flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"resplits": asked.resplits, "sets": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()

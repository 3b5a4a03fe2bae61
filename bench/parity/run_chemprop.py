"""Train chemprop with its defaults on the files of make_splits.py and append one JSON line a run.

    python bench/parity/run_chemprop.py CHEMPROP SPLITS RESULTS.jsonl [--workers 2] [--only SET ...]

CHEMPROP is the `chemprop` command of its own environment. Runs already in RESULTS are not repeated, so a killed benchmark
continues. Each run gets one thread, so two runs share a 2-core machine without waiting for each other; `cpu_s` is user +
system time of the process and `peak_mb` its largest resident size, both from the operating system.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

CLASSIFICATION = {"bbbp", "tox21"}
ORDER = ["freesolv", "esol", "bbbp", "lipophilicity", "tox21"]


def score(name: str, predicted: np.ndarray, measured: np.ndarray) -> float:
    """RMSE, or the mean over tasks of ROC-AUC (tasks with one class only are left out)."""
    if name not in CLASSIFICATION:
        return float(np.sqrt(np.nanmean((predicted - measured) ** 2)))
    aucs = []
    for task in range(measured.shape[1]):
        seen = ~np.isnan(measured[:, task])
        if len(np.unique(measured[seen, task])) == 2:
            aucs.append(roc_auc_score(measured[seen, task], predicted[seen, task]))
    return float(np.mean(aucs))


def run(chemprop: str, path: Path, results: Path) -> None:
    name, kind, seed = path.stem.split("-")
    table = pl.read_csv(path, infer_schema_length=None)
    targets = [column for column in table.columns if column not in ("smiles", "split")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            chemprop, "train", "-i", str(path), "-s", "smiles", "--target-columns", *targets, "--splits-column", "split",
            "-t", "classification" if name in CLASSIFICATION else "regression", "-o", folder,
            "--pytorch-seed", seed, "--data-seed", seed, "--accelerator", "cpu", "-q",
        ]  # fmt: skip
        start = time.perf_counter()
        with open(Path(folder) / "stdout.log", "w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"chemprop failed on {path.name}:\n{(Path(folder) / 'stdout.log').read_text()[-2000:]}")
        wall = time.perf_counter() - start
        predicted = pl.read_csv(next(Path(folder).rglob("test_predictions.csv"))).select(targets).to_numpy()
    measured = table.filter(pl.col("split") == "test").select(targets).cast(pl.Float64).to_numpy()
    line = {
        "set": name, "kind": kind, "seed": int(seed), "system": "chemprop 2.3.1 defaults",
        "metric": "roc_auc" if name in CLASSIFICATION else "rmse",
        "test": score(name, predicted.astype(float), measured),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1), "wall_s": round(wall, 1),
        "peak_mb": round(usage.ru_maxrss / 1024), "threads": 1,
    }  # fmt: skip
    with open(results, "a") as file:
        file.write(json.dumps(line) + "\n")
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chemprop")
    parser.add_argument("splits", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=ORDER)
    options = parser.parse_args()
    done = set()
    if options.results.exists():
        rows = [json.loads(line) for line in options.results.read_text().splitlines()]
        done = {f"{row['set']}-{row['kind']}-{row['seed']}" for row in rows}
    paths = [
        options.splits / f"{name}-{kind}-{seed}.csv"
        for name in options.only for seed in range(5) for kind in ("random", "scaffold")
    ]  # fmt: skip
    with ThreadPoolExecutor(options.workers) as pool:
        list(
            pool.map(
                lambda path: run(options.chemprop, path, options.results), [p for p in paths if p.stem not in done]
            )
        )
    print(f"children peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()

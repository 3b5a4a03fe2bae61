"""Train Hooke by one recipe on the files of make_splits.py and append one JSON line a run, as run_chemprop.py does.

    python bench/parity/run_hooke.py SPLITS RESULTS.jsonl [--recipe parity] [--workers 2] [--seeds 5] [--keep FOLDER] [a.b=c ...]

One recipe for all five sets; only rows marked "val" choose the epoch. Each run is a process of its own with one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from run_chemprop import CLASSIFICATION, ORDER, score

FIT = "import sys; from hooke.cli.main import run; sys.argv = ['hooke', *sys.argv[1:]]; run()"


def run(path: Path, options: argparse.Namespace) -> None:
    name, kind, seed = path.stem.split("-")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep / path.stem if options.keep else Path(scratch)
        command = [
            sys.executable, "-c", FIT, "fit", options.recipe, f"data.path={path.resolve()}", "data.split_column=split",
            "data.split.kind=column", "data.duplicates=keep_all", f"seed={seed}", *options.overrides, "--runs", str(folder), "--no-report",
            "--json", "--workers", "1",
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HOOKE_PROGRESS": "0", "HOOKE_CACHE": f"{scratch}/cache"}
        start = time.perf_counter()
        log = Path(scratch) / "log"
        with open(log, "w") as out:
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"hooke failed on {path.name}:\n{log.read_text()[-2000:]}")
        wall = time.perf_counter() - start
        scores = {}
        for part in ("valid", "test"):
            table = pl.read_parquet(next(folder.glob(f"*/*/predictions_{part}.parquet")))
            targets = [column.removesuffix("_measured") for column in table.columns if column.endswith("_measured")]
            predicted = table.select(targets).to_numpy()
            scores[part] = score(name, predicted, table.select(f"{t}_measured" for t in targets).to_numpy())
    line = {
        "set": name, "kind": kind, "seed": int(seed), "system": f"hooke {options.recipe} {' '.join(options.overrides)}".strip(),
        "metric": "roc_auc" if name in CLASSIFICATION else "rmse", **scores,
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1), "wall_s": round(wall, 1), "peak_mb": round(usage.ru_maxrss / 1024),
        "threads": 1,
    }  # fmt: skip
    with open(options.results, "a") as file:
        file.write(json.dumps(line) + "\n")
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splits", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--recipe", default="parity")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="keep the run folders here")
    parser.add_argument("--only", nargs="*", default=ORDER)
    options = parser.parse_args()
    system = f"hooke {options.recipe} {' '.join(options.overrides)}".strip()
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    done = {f"{row['set']}-{row['kind']}-{row['seed']}" for row in rows if row["system"] == system}
    names = [
        f"{name}-{kind}-{seed}"
        for name in options.only
        for seed in range(options.seeds)
        for kind in ("random", "scaffold")
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        list(
            pool.map(
                lambda name: run(options.splits / f"{name}.csv", options), [name for name in names if name not in done]
            )
        )


if __name__ == "__main__":
    main()

"""Two commits of Hooke beside each other: CPU seconds of training, masked images and `embed`, in turns.

    git worktree add OLD COMMIT
    python bench/old_and_new.py OLD TABLE.csv RESULTS.jsonl [--turns 9] [--only gine dmpnn mae embed]

TABLE has columns "smiles" and "lipo" (`--target`). Each tree runs the workers of its own `bench/` with its own `src/`, in its own process
with one thread. A ratio is the CPU seconds of the new tree over those of the old in the same turn; who goes first alternates. The interval
is that of the median by order statistics: its level, of at least 0.95 where the turns allow it, is written beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from math import comb
from pathlib import Path

import polars as pl

from embed_speed import FEW, timed
from mae_speed import SETTINGS
from training_speed import prepare

NEW = Path(__file__).parents[1]
STEPS = {"dmpnn": 20, "gine": 5, "mae": SETTINGS["tiny"]["steps"]}
BATCH = {"dmpnn": 64, "gine": 256}


class Worker:
    """A worker of a tree's bench, idle between turns."""

    def __init__(self, tree: Path, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(tree / "bench" / arguments[0]), *arguments[1:]],
            env={**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def turn(self, steps: int) -> float:
        """CPU seconds of some steps."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"run {steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{") and "cpu_seconds" in (answer := json.loads(line)):
                return float(answer["cpu_seconds"])
        sys.exit(f"a worker ended: {self.process.args}")


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Lower and upper end of the median's interval, and its level."""
    ordered, count = sorted(ratios), len(ratios)
    outside = [2 * sum(comb(count, k) for k in range(cut + 1)) / 2**count for cut in range(count // 2)]
    cut = max((cut for cut, beyond in enumerate(outside) if beyond <= 0.05), default=0)
    return ordered[cut], ordered[-1 - cut], 1 - outside[cut]


def in_turns(turns: int, run: dict[str, Callable[[], float]]) -> list[float]:
    """New over old, one ratio a turn; a first turn warms up."""
    ratios = []
    for number in range(turns + 1):
        seconds = {name: run[name]() for name in (list(run) if number % 2 else list(reversed(run)))}
        if number:
            ratios.append(seconds["new"] / seconds["old"])
    return ratios


def training(what: str, trees: dict[str, Path], folder: Path, turns: int) -> list[float]:
    """Steps of D-MPNN, GINE or the tiny masked autoencoder."""
    if what == "mae":
        settings = folder / "mae.json"
        given = {**SETTINGS["tiny"], "ratio": 0.75, "threads": 1, "bf16": False, "system": "hooke"}
        settings.write_text(json.dumps(given))
        arguments = ["mae_peer.py", "train", str(settings)]
    else:
        arguments = ["training_speed.py", "--worker", "hooke", what, str(folder / "store"), str(BATCH[what])]
    workers = {name: Worker(tree, arguments) for name, tree in trees.items()}
    try:
        return in_turns(
            turns, {name: lambda worker=worker: worker.turn(STEPS[what]) for name, worker in workers.items()}
        )  # type: ignore[misc]
    finally:
        for worker in workers.values():
            worker.process.communicate()


def embedding(trees: dict[str, Path], folder: Path, smiles: list[str], turns: int) -> list[float]:
    """`hooke embed tiny` of all molecules less that of a few, which leaves out the start."""
    tables = {"many": smiles, "few": smiles[:FEW]}
    for name, rows in tables.items():
        pl.DataFrame({"smiles": rows}).write_csv(folder / f"{name}.csv")

    def cost(tree: Path) -> float:
        found = {}
        for name in tables:
            command = ["env", f"PYTHONPATH={tree / 'src'}", sys.executable, "-m", "hooke.cli.main", "embed", "tiny"]
            options = ["-o", str(folder / "vectors.parquet"), "--new", "--workers", "1"]
            found[name] = timed([*command, str(folder / f"{name}.csv"), *options], folder / "log")["cpu_s"]
        return found["many"] - found["few"]

    return in_turns(turns, {name: lambda tree=tree: cost(tree) for name, tree in trees.items()})  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="a checkout of the old commit")
    parser.add_argument("table", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=["gine", "dmpnn", "mae", "embed"])
    parser.add_argument("--smiles", default="smiles")
    parser.add_argument("--target", default="lipo")
    parser.add_argument("--molecules", type=int, default=4000)
    options = parser.parse_args()
    trees = {"old": options.old.resolve(), "new": NEW}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(options, folder)
        smiles = (folder / "molecules.smi").read_text().splitlines()
        for what in options.only:
            run = partial(embedding, smiles=smiles) if what == "embed" else partial(training, what)
            ratios = run(trees=trees, folder=folder, turns=options.turns)
            low, high, level = interval(ratios)
            line = {
                "what": what, "turns": len(ratios), "new_over_old": round(statistics.median(ratios), 4),
                "interval": [round(low, 4), round(high, 4)], "level": round(level, 4), "molecules": len(smiles),
            }  # fmt: skip
            with open(options.results, "a") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

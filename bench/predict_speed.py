"""Prediction speed of a three-member D-MPNN: SMILES to predictions with intervals in a file, beside `chemprop predict`.

    python bench/predict_speed.py RESULTS.jsonl TABLE... [--chemprop COMMAND] [--rows 10000] [--rounds 3] [--members 3] [--stream 300000]

TABLEs are files with a SMILES column; molecules are drawn from them with a fixed seed, repeated if more are asked for. Ours is a run of the
recipe "csv" after one epoch on 300 molecules, theirs an ensemble of as many networks after three epochs (its least), whose width is such
that each has about as many parameters. Both commands have one thread and one process, and run in turns on ROWS molecules and on 50; the
times are CPU seconds (user + system), whole and without the start ("molecules": the difference of the two).

With --stream, ours alone predicts ROWS and then so many molecules: the largest resident size of any one process must stay what it was.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from embed_speed import FEW, keep, molecules, timed
from hooke.core.runs import RunFolder

TRAINED_ON = 300
HEAD_WIDTH = 300  # of chemprop's default head
COUNT = """
import sys
from chemprop.models import load_model
print(sum(tensor.numel() for tensor in load_model(sys.argv[1], False).parameters()))
"""


def our_run(folder: Path, table: Path, members: int) -> Path:
    """A finished run."""
    runs = folder / "runs"
    timed(
        [sys.executable, "-m", "hooke.cli.main", "fit", "--csv", str(table), "--targets", "y", "--runs", str(runs), "--no-report",
         "train.epochs=1", f"train.ensemble={members}", "--workers", "1"],
        folder / "fit.log",
    )  # fmt: skip
    return next((runs / "csv").glob("2*"))


def equal_width(parameters: int) -> int:
    """The width at which chemprop's message passing (86 d + d² + 73 d + d²) and head (300 d + 601) have as many parameters."""
    linear = 159 + HEAD_WIDTH
    return round((-linear + math.sqrt(linear**2 + 8 * (parameters - 2 * HEAD_WIDTH - 1))) / 4)


def their_models(chemprop: str, folder: Path, table: Path, members: int, width: int) -> tuple[list[Path], int]:
    """Checkpoints of an ensemble, and the parameters of one network."""
    output = folder / "chemprop"
    timed(
        [chemprop, "train", "-i", str(table), "-s", "smiles", "--target-columns", "y", "-t", "regression", "-o", str(output), "--epochs", "3",
         "--accelerator", "cpu", "-q", "--message-hidden-dim", str(width), "--ffn-hidden-dim", str(HEAD_WIDTH),
         "--ensemble-size", str(members)],
        folder / "train.log",
    )  # fmt: skip
    models = sorted(output.rglob("best.pt"))
    assert len(models) == members, models
    python = Path(chemprop).resolve().parent / "python"
    counted = subprocess.run([python, "-c", COUNT, models[0]], check=True, capture_output=True, text=True)
    return models, int(counted.stdout.split()[-1])


def compare(chemprop: str, smiles: list[str], rounds: int, members: int, folder: Path) -> dict[str, Any]:
    """Both commands on many and few molecules, in turns."""
    table = folder / "train.csv"
    targets = np.random.default_rng(0).normal(size=TRAINED_ON)
    pl.DataFrame({"smiles": smiles[:TRAINED_ON], "y": targets}).write_csv(table)
    run = our_run(folder, table, members)
    own = int(RunFolder.open(run).info["parameters"])
    models, parameters = their_models(chemprop, folder, table, members, equal_width(own))
    tables = {"many": folder / "many.csv", "few": folder / "few.csv"}
    for name, count in (("many", len(smiles)), ("few", FEW)):
        pl.DataFrame({"smiles": smiles[:count]}).write_csv(tables[name])

    def ours(source: Path) -> list[str]:
        return our_command(run, source, folder / "ours.parquet")

    def theirs(source: Path) -> list[str]:
        return [
            chemprop, "predict", "-i", str(source), "-s", "smiles", "--model-paths", *map(str, models), "-o", str(folder / "theirs.csv"),
            "--accelerator", "cpu", "--batch-size", "256", "-q",
        ]  # fmt: skip

    seconds: dict[tuple[str, str], list[float]] = {}
    peak: dict[str, float] = {}
    for number in range(rounds):
        for size, source in tables.items():
            for name, command in (("hooke", ours), ("chemprop", theirs))[:: 1 if number % 2 else -1]:
                taken = timed(command(source), folder / f"{name}.log")
                seconds.setdefault((name, size), []).append(taken["cpu_s"])
                peak[name] = max(peak.get(name, 0.0), taken["peak_mb"])
    assert len(pl.read_parquet(folder / "ours.parquet")) == FEW
    line: dict[str, Any] = {
        "what": "predict, one thread, CPU time", "rows": len(smiles), "members": members, "rounds": rounds,
        "processor": platform.processor() or platform.machine(), "parameters": {"hooke": own, "chemprop": parameters},
    }  # fmt: skip
    whole = {name: seconds[name, "many"] for name in ("hooke", "chemprop")}
    alone = {
        name: [many - few for many, few in zip(seconds[name, "many"], seconds[name, "few"], strict=True)]
        for name in whole
    }
    for what, taken in (("seconds", whole), ("seconds_of_molecules", alone)):
        line[what] = {name: round(statistics.median(values), 2) for name, values in taken.items()}
        ratios = [second / first for first, second in zip(taken["hooke"], taken["chemprop"], strict=True)]
        line[what.replace("seconds", "ratio")] = round(statistics.median(ratios), 2)
        line[what.replace("seconds", "ratios")] = [round(ratio, 2) for ratio in ratios]
    return {**line, "peak_mb": {name: round(value) for name, value in peak.items()}}


def stream(smiles: list[str], rows: int, members: int, folder: Path) -> dict[str, Any]:
    """Peak memory of a short and of a long prediction."""
    table = folder / "train.csv"
    targets = np.random.default_rng(0).normal(size=TRAINED_ON)
    pl.DataFrame({"smiles": smiles[:TRAINED_ON], "y": targets}).write_csv(table)
    run = our_run(folder, table, members)
    peaks, seconds = {}, {}
    for count in (rows, len(smiles)):
        source, output = folder / f"{count}.csv", folder / f"{count}.parquet"
        pl.DataFrame({"smiles": smiles[:count]}).write_csv(source)
        taken = timed(our_command(run, source, output), folder / "hooke.log")
        peaks[count], seconds[count] = round(taken["peak_mb"]), round(taken["cpu_s"], 1)
        assert pl.scan_parquet(output).select(pl.len()).collect().item() == count
    return {"what": "predict, peak memory in MB by rows", "members": members, "peak_mb": peaks, "cpu_seconds": seconds}


def our_command(run: Path, source: Path, output: Path) -> list[str]:
    """Prediction in one process."""
    command = [sys.executable, "-m", "hooke.cli.main", "predict", str(run), str(source), "-o", str(output)]
    return [*command, "--new", "--workers", "1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--chemprop", default="")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--stream", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.chemprop:
            smiles = molecules(given.tables, given.rows)
            keep(given.results, compare(given.chemprop, smiles, given.rounds, given.members, Path(folder)))
        if given.stream:
            smiles = molecules(given.tables, given.stream)
            keep(given.results, stream(smiles, given.rows, given.members, Path(folder)))


if __name__ == "__main__":
    main()

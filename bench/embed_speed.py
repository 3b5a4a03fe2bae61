"""Embedding speed of the encoder that comes with Hooke: SMILES to vectors in a file, beside `chemprop fingerprint`.

    python bench/embed_speed.py RESULTS.jsonl TABLE... [--chemprop COMMAND] [--rows 4000] [--rounds 3] [--stream 1000000]

TABLEs are CSV(.gz) files with a SMILES column; molecules are drawn from them with a fixed seed, repeated if more are asked for.
Both are commands of their own, timed in turns, so that whatever else the machine does falls on both. First with one thread and one
process each (CPU time: user + system), then as a user would run them, with all cores (wall time): Hooke as it comes, chemprop as it
comes and with one worker a core. Each is run on ROWS molecules and on 50; the difference is the cost of the molecules alone, without
the start of the interpreter. chemprop is first trained for three epochs on 50 molecules, with its default network and with one
that has about as many parameters in its message passing as our encoder.

With --stream, so many molecules are embedded once: molecules a second and the largest resident size of any one process.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.inference.shipped import model_card
from hooke.molecules.parse import ParseError, parse
from hooke.molecules.tables.reading import read_table, smiles_column

FEW = 50
CHEMPROP_WIDTH = 300  # its default
COUNT = """
import sys
from chemprop.models import load_model
print(sum(tensor.numel() for tensor in load_model(sys.argv[1], False).message_passing.parameters()))
"""


def molecules(tables: list[Path], count: int) -> list[str]:
    """So many SMILES that are molecules, drawn from the tables, repeated where there are fewer."""
    found: list[str] = []
    for table in tables:
        for chunk in read_table(table):
            found += chunk.columns[smiles_column(list(chunk.columns), None)]
    generator = np.random.default_rng(0)
    drawn: list[str] = []
    for place in generator.permutation(len(found)):
        try:
            parse(found[place])
        except ParseError:
            continue
        drawn.append(found[place])
        if len(drawn) == min(count, 20_000):
            break
    return [drawn[number % len(drawn)] for number in range(count)]


def timed(command: list[str], log: Path, threads: int | None = 1) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of a command; without `threads` it takes as many as it likes."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    }
    environment["HOOKE_PROGRESS"] = "0"
    if threads is not None:
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    start = time.perf_counter()
    with open(log, "w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed:\n{log.read_text()[-2000:]}")
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def ours(table: Path, output: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "hooke.cli.main", "embed", "tiny", str(table), "-o", str(output), "--new", *options]


def theirs(chemprop: str, model: Path, table: Path, output: Path, *options: str) -> list[str]:
    return [
        chemprop, "fingerprint", "-i", str(table), "-s", "smiles", "--model-paths", str(model), "-o", str(output), "--accelerator", "cpu",
        "--ffn-block-index", "0", "--batch-size", "256", "-q", *options,
    ]  # fmt: skip


def trained(chemprop: str, folder: Path, smiles: list[str], width: int) -> tuple[Path, int]:
    """A checkpoint of a network of chemprop, and the parameters of its message passing."""
    table, output = folder / "train.csv", folder / f"model-{width}"
    pl.DataFrame({"smiles": smiles[:FEW], "y": np.arange(FEW) / FEW}).write_csv(table)
    timed(
        [chemprop, "train", "-i", str(table), "-s", "smiles", "--target-columns", "y", "-t", "regression", "-o", str(output),
         "--epochs", "3", "--accelerator", "cpu", "-q", "--message-hidden-dim", str(width)],
        folder / "train.log",
    )  # fmt: skip
    model = next(output.rglob("best.pt"))
    python = Path(chemprop).resolve().parent / "python"
    counted = subprocess.run([python, "-c", COUNT, model], check=True, capture_output=True, text=True)
    return model, int(counted.stdout.split()[-1])


def compare(chemprop: str, smiles: list[str], rounds: int, folder: Path) -> Iterator[dict[str, Any]]:
    """The commands on many and few molecules, in turns: with one thread, then with all cores."""
    own = model_card("tiny")["parameters"]
    default, parameters = trained(chemprop, folder, smiles, CHEMPROP_WIDTH)
    equal, as_many = trained(chemprop, folder, smiles, equal_width(own))
    tables = {"many": folder / "many.csv", "few": folder / "few.csv"}
    pl.DataFrame({"smiles": smiles}).write_csv(tables["many"])
    pl.DataFrame({"smiles": smiles[:FEW]}).write_csv(tables["few"])

    def hooke(*options: str) -> Callable[[Path], list[str]]:
        return lambda table: ours(table, folder / "ours.parquet", *options)

    def peer(model: Path, *options: str) -> Callable[[Path], list[str]]:
        return lambda table: theirs(chemprop, model, table, folder / "theirs.npz", *options)

    cores = str(len(os.sched_getaffinity(0)))
    one = {"hooke": hooke("--workers", "1"), "chemprop": peer(default), "chemprop, equal": peer(equal)}
    every = {
        "hooke": hooke(), "chemprop": peer(default), "chemprop, workers": peer(default, "--num-workers", cores),
        "chemprop, equal": peer(equal), "chemprop, equal, workers": peer(equal, "--num-workers", cores),
    }  # fmt: skip
    counts = {"hooke": own, "chemprop": parameters, "chemprop, equal": as_many}
    fixed = {"rows": len(smiles), "rounds": rounds, "parameters": counts}
    for what, commands, clock, threads in (
        ("one thread, CPU time", one, "cpu_s", 1), (f"{cores} cores, wall time", every, "wall_s", None),
    ):  # fmt: skip
        yield {"what": what, **fixed, **in_turns(commands, tables, rounds, len(smiles), clock, threads, folder)}


def equal_width(parameters: int) -> int:
    """The hidden width at which chemprop's message passing (86 d + d² + 73 d + d²) has as many parameters."""
    return round((-159 + math.sqrt(159**2 + 8 * parameters)) / 4)


def in_turns(
    commands: Mapping[str, Callable[[Path], list[str]]],
    tables: Mapping[str, Path],
    rounds: int,
    rows: int,
    clock: str,
    threads: int | None,
    folder: Path,
) -> dict[str, Any]:
    """Molecules a second of each command, and how many times the first command's others need."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for size, table in tables.items():
            for name, command in commands.items():
                found.setdefault((name, size), []).append(timed(command(table), folder / "run.log", threads))
    cost = {
        name: [
            (many[clock] - few[clock]) / (rows - FEW)
            for many, few in zip(found[name, "many"], found[name, "few"], strict=True)
        ]
        for name in commands
    }
    first, *others = commands
    return {
        "molecules_per_s": {name: round(1 / statistics.median(values), 1) for name, values in cost.items()},
        "ratio_molecules": {
            name: [round(second / own, 2) for own, second in zip(cost[first], cost[name], strict=True)]
            for name in others
        },
        "ratio_with_start": {
            name: [
                round(second[clock] / own[clock], 2)
                for own, second in zip(found[first, "many"], found[name, "many"], strict=True)
            ]
            for name in others
        },
        "peak_mb": {name: round(max(run["peak_mb"] for run in found[name, "many"])) for name in commands},
    }


def stream(smiles: list[str], folder: Path) -> dict[str, Any]:
    """One long run."""
    table = folder / "long.csv"
    pl.DataFrame({"smiles": smiles}).write_csv(table)
    run = timed(ours(table, folder / "long.parquet"), folder / "run.log", None)
    return {
        "what": "embed streamed, all cores", "rows": len(smiles), "molecules_per_wall_s": round(len(smiles) / run["wall_s"], 1),
        "wall_s": round(run["wall_s"], 1), "peak_mb": round(run["peak_mb"], 1),
    }  # fmt: skip


def keep(results: Path, found: dict[str, Any]) -> None:
    """Write a result as soon as it is there."""
    with open(results, "a") as file:
        file.write(json.dumps(found) + "\n")
    print(json.dumps(found, indent=1), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--chemprop", default="")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stream", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.chemprop:
            for found in compare(given.chemprop, molecules(given.tables, given.rows), given.rounds, Path(name)):
                keep(given.results, found)
        if given.stream:
            keep(given.results, stream(molecules(given.tables, given.stream), Path(name)))


if __name__ == "__main__":
    main()

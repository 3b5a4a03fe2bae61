"""A reconstruction is killed (SIGKILL) at random moments, and the same command is given again: the same bits as without a kill.

OMP_NUM_THREADS=1 python bench/kill_reconstruct.py --kills 20

Each trial is a child process on a small case (60 frames, two starts, a point group with its check) that is killed after a random share of the
time that a whole run takes; a second child gives the same command. Compared are all arrays, the table of orientations and the metrics.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch

import hooke
from hooke.core.checked import read_arrays
from hooke.core.runs import RunFolder
from hooke.studies.quickstart_diffraction import made_up_particle

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["hooke.workflows.reconstruct", "torch", "polars", "h5py"])
OPTIONS = {"n": 1, "starts": 2, "iterations": 8, "symmetry": "C2", "show_progress": False}


def command(frames: Path, runs: Path) -> None:
    torch.set_num_threads(1)
    hooke.reconstruct(frames, runs, **OPTIONS)  # type: ignore[arg-type]


def child(frames: Path, runs: Path) -> multiprocessing.Process:
    """The command in a process of its own, of a server that has read the libraries but started none of their threads."""
    process = SERVER.Process(target=command, args=(frames, runs))
    process.start()
    return process  # type: ignore[return-value]


def ended(process: multiprocessing.Process) -> bool:
    """Wait for a child; whether it ended well."""
    process.join()
    return process.exitcode == 0


def content(runs: Path) -> tuple[dict[str, bytes], pl.DataFrame, list[dict[str, object]]]:
    """All arrays of the one run of a folder, its table, its metrics."""
    (folder,) = {path.parent for path in runs.glob("emc/*/run.json")}
    run = RunFolder(folder)
    arrays = {}
    for path in sorted(folder.rglob("*.npz")):
        for name, values in read_arrays(path).items():
            arrays[f"{path.relative_to(folder)}:{name}"] = np.ascontiguousarray(values).tobytes()
    return arrays, pl.read_parquet(run.path("orientations.parquet")), run.metrics()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    generator = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "particle.pdb").write_text(made_up_particle())
        frames = folder / "frames.h5"
        hooke.simulate_patterns(folder / "particle.pdb", frames, frames=60, photons=80, side=15, show_progress=False)
        started = time.monotonic()
        if not ended(child(frames, folder / "whole")):
            raise SystemExit("the run fails without a kill")
        seconds = time.monotonic() - started
        arrays, table, metrics = content(folder / "whole")
        found = {
            "killed": 0,
            "ended before the kill": 0,
            "same bits": 0,
            "other bits": 0,
            "failed": 0,
            "checkpoints": [],
        }
        while found["killed"] < asked.kills:  # type: ignore[operator]
            runs = folder / f"runs-{found['killed']}-{found['ended before the kill']}"
            process = child(frames, runs)
            process.join(generator.uniform(0, seconds))
            process.kill()
            if ended(process):
                found["ended before the kill"] += 1  # type: ignore[operator]
                continue
            found["killed"] += 1  # type: ignore[operator]
            at = [json.loads(path.read_text()) for path in runs.glob("emc/*/checkpoint.json")]
            found["checkpoints"].append(f"{at[0]['start']}.{at[0]['iteration']}" if at else "none")  # type: ignore[attr-defined]
            if not ended(child(frames, runs)):
                found["failed"] += 1  # type: ignore[operator]
                continue
            again = content(runs)
            same = again[0] == arrays and again[1].equals(table, null_equal=True) and again[2] == metrics
            found["same bits" if same else "other bits"] += 1  # type: ignore[operator]
        print(f"{seconds:.1f} s a run; {found}")


if __name__ == "__main__":
    main()

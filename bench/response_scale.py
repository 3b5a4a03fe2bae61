"""Scale of screens: one pass over cells x genes, killed and resumed; all closed-form metrics on many predictions.

    python bench/response_scale.py pass --cells 1000000      # CPU seconds, resident memory, five kills at random points
    python bench/response_scale.py score                     # 2,000 x 5,000 predictions, all metrics

The file is simulated: 200 log-normalised values a cell of 5,000 genes, 2,000 conditions of one context, float32, CSR without compression,
which is written first and kept for the next run. Every pass is a process of its own with one thread.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

GENES, VALUES, CONDITIONS = 5_000, 200, 2_000
BLOCK = 20_000


def write(path: Path, cells: int) -> None:
    """The simulated screen, block by block."""
    import h5py

    generator = np.random.default_rng(0)
    names = [f"P{number:04d}" for number in range(CONDITIONS - 1)] + ["control"]
    codes = generator.integers(0, CONDITIONS - 1, cells).astype(np.int16)
    codes[generator.random(cells) < 0.05] = CONDITIONS - 1
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        matrix = file.create_group("X")
        matrix.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (cells, GENES)})
        data = matrix.create_dataset("data", (cells * VALUES,), np.float32, chunks=(1 << 18,))
        indices = matrix.create_dataset("indices", (cells * VALUES,), np.int32, chunks=(1 << 18,))
        matrix["indptr"] = np.arange(0, (cells + 1) * VALUES, VALUES)
        for start in range(0, cells, BLOCK):
            stop = min(start + BLOCK, cells)
            places = np.sort(generator.random((stop - start, VALUES)), axis=1)
            genes = np.minimum(
                (places * (GENES - VALUES)).astype(np.int32) + np.arange(VALUES, dtype=np.int32), GENES - 1
            )
            data[start * VALUES : stop * VALUES] = generator.gamma(2.0, 0.5, genes.size).astype(np.float32)
            indices[start * VALUES : stop * VALUES] = genes.ravel()
        for part, count in (("obs", cells), ("var", GENES)):
            table = file.create_group(part)
            table.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"})
            table["_index"] = np.array([f"{part}{row}" for row in range(count)], "S12")
        column = file["obs"].create_group("perturbation")
        column.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0"})
        column["codes"], column["categories"] = codes, np.array(names, "S12")
        file.create_group("uns/log1p")


def one_pass(path: Path, folder: Path, kill_after: float) -> None:
    """What the timed process does; above 0 it is killed, with SIGKILL, at a random moment after so many blocks."""
    import threading

    from hooke.cells.expression import open_expression
    from hooke.cells.screen import Screen
    from hooke.cells.statistics import gather

    done = 0

    def kill(_: int) -> None:
        nonlocal done
        done += 1
        if done == int(kill_after):
            threading.Timer(3 * (kill_after % 1), os.kill, (os.getpid(), signal.SIGKILL)).start()

    with open_expression(path) as expression:
        found = gather(
            expression, Screen.of(expression), folder, show_progress=False, after_block=kill if kill_after > 0 else None
        )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    layout = found.layout
    print(
        f"{found.counts.sum():,} cells, {layout.parts} parts of {len(layout.groups):,} groups as {layout.dtype}; "
        f"CPU {usage.ru_utime + usage.ru_stime:.1f} s (user {usage.ru_utime:.1f}), resident at most {usage.ru_maxrss / 2**10:,.0f} MB"
    )


def start(path: Path, folder: Path, kill_after: float = 0.0) -> subprocess.Popen[str]:
    """A pass in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "one", str(path), str(folder), "--kill-after", str(kill_after)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def bits(folder: Path) -> dict[str, str]:
    """Name of each array of the newest state → its digest."""
    from hooke.core.hashing import file_sha256

    [state] = [place for place in folder.glob("blocks-*") if place.is_dir()]
    return {place.name: file_sha256(place) for place in sorted(state.glob("*.npy"))}


def passes(work: Path, cells: int, kills: int) -> None:
    """Time a pass, then kill another at random points until it is done."""
    path = work / f"screen-{cells}.h5ad"
    if not path.exists():
        began = time.monotonic()
        write(path, cells)
        print(f"wrote {path.stat().st_size / 2**30:.2f} GB in {time.monotonic() - began:.0f} s")
    whole, killed = work / "whole", work / "killed"
    for folder in (whole, killed):
        shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    print("whole pass:", start(path, whole).communicate()[0].strip())
    wall = time.monotonic() - began
    print(f"  wall {wall:.1f} s")
    chance = random.Random(0)
    for number in range(kills):
        process = start(path, killed, 1 + 25 * chance.random())
        process.communicate()
        states = sorted(place.name for place in killed.glob("blocks-*")) if killed.exists() else []
        print(f"kill {number + 1}: signal {-process.returncode}; left behind: {', '.join(states) or 'nothing'}")
    print("resumed:", start(path, killed).communicate()[0].strip())
    print("identical bits:", bits(whole) == bits(killed))


def scores(count: int) -> None:
    """All closed-form metrics on predictions of the measured size."""
    from hooke.evaluate.response import METRICS, Target, de_weights, score

    generator = np.random.default_rng(0)
    control = np.tile(generator.uniform(0, 2, GENES), (count, 1))
    delta = generator.normal(0, 0.3, (count, GENES))
    scored = np.ones((count, GENES), bool)
    scored[np.arange(count), np.arange(count) % GENES] = False
    target = Target(control + delta, control, control + 0.01, scored, de_weights(delta, scored), np.abs(delta) > 0.5)
    predicted = target.truth + generator.normal(0, 0.3, delta.shape)
    began = time.process_time()
    for name in METRICS:
        before = time.process_time()
        values = score(predicted, target, (name,))[name]
        print(f"  {name:18s} {np.nanmean(values):8.4f}  {time.process_time() - before:5.2f} CPU s")
    print(f"{count:,} x {GENES:,} predictions, {len(METRICS)} metrics: {time.process_time() - began:.1f} CPU s")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pass", "score", "one"))
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--kill-after", type=float, default=0.0)
    parser.add_argument("--work", type=Path, default=Path("response_scale"))
    given = parser.parse_args()
    if given.what == "one":
        one_pass(*given.paths, given.kill_after)
    elif given.what == "score":
        scores(CONDITIONS)
    else:
        given.work.mkdir(parents=True, exist_ok=True)
        passes(given.work, given.cells, given.kills)


if __name__ == "__main__":
    main()

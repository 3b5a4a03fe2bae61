"""The store of frames: opening in other units, random frames, statistics, and the same bytes after kills.

    OMP_NUM_THREADS=1 python bench/frame_store.py [--frames 10000000] [--kills 20]

Generated frames of 20 atoms, without forces; the store lies in a temporary folder and is deleted. Random frames are timed with a warm
cache. `--kills` prepares 100,000 frames of extended XYZ in a process of its own, kills it after a random time, and again, and then lets it end:
the bytes must be those of a preparation that nobody disturbed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hooke.atoms.facts import Facts
from hooke.atoms.formats import Block
from hooke.atoms.frames import Frames
from hooke.atoms.store import FrameStore, Source, write_frames

ATOMS, BLOCK = 20, 1 << 14
FACTS = Facts("hartree", "bohr", energy_kind="total", methods=("gfn2",))
NUMBERS = np.array([6] * 6 + [8] * 2 + [1] * 12, np.uint8)
PREPARE = """
from hooke.core.how import QUIET
from hooke.datasets.quantum.frames import Config, Dataset
import sys
from pathlib import Path
Dataset(Config(sys.argv[1], energy_unit="hartree", energy_kind="total", methods="gfn2")).prepare(Path(sys.argv[2]), QUIET)
"""


def generated(frames: int) -> Iterator[Block]:
    """Blocks of frames of one composition, energies of thousands with a small spread."""
    for start in range(0, frames, BLOCK):
        count = min(BLOCK, frames - start)
        generator = np.random.default_rng(start)
        yield (
            Frames(
                np.arange(count + 1) * ATOMS, np.tile(NUMBERS, count), generator.normal(size=(count * ATOMS, 3)),
                -650.0 + 0.01 * generator.normal(size=(count, 1)), np.zeros((count * ATOMS, 3, 0)), np.zeros(count, np.int16),
                np.ones(count, np.int16), np.full((count, 3, 3), np.nan), np.zeros((count, 3), bool), np.zeros((count, 0)),
                np.zeros(count + 1, np.int64), np.zeros((0, 4), np.int32), [f"m{start // BLOCK}"] * count, [""] * count,
            ),
            [],
        )  # fmt: skip


def resident() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure_store(folder: Path, frames: int) -> None:
    start = time.perf_counter()
    write_frames(folder / "store", [Source("made", generated(frames))], FACTS, "made")
    size = sum(path.stat().st_size for path in (folder / "store").rglob("*.bin")) / 1e9
    print(f"{frames:,} frames of {ATOMS} atoms written in {time.perf_counter() - start:.0f} s, {size:.2f} GB")
    before, start = resident(), time.perf_counter()
    store = FrameStore.open(folder / "store", "eV", "angstrom")
    print(
        f"opened in other units: {(time.perf_counter() - start) * 1e3:.1f} ms, {resident() - before:.1f} MB more resident memory"
    )
    generator = np.random.default_rng(0)
    rows = [generator.integers(0, frames, 256) for _ in range(60)]
    for some in rows:
        store.gather(some)
    times = []
    for some in rows:
        start = time.perf_counter()
        store.gather(some)
        times.append(time.perf_counter() - start)
    print(
        f"256 random frames: median {np.median(times) * 1e3:.2f} ms, 90 % below {np.quantile(times, 0.9) * 1e3:.2f} ms (warm cache)"
    )
    start = time.perf_counter()
    streamed = store.statistics().to_json()["total"]["gfn2"]
    seconds = time.perf_counter() - start
    energies = store.energies(np.arange(frames))[:, 0]
    mean = energies.mean()
    std = np.sqrt(((energies - mean) ** 2).mean())
    print(
        f"statistics in {seconds:.0f} s; against two passes in float64: mean {abs(streamed['mean'] / mean - 1):.1e}, "
        f"std {abs(streamed['std'] / std - 1):.1e} relative"
    )


def digest(folder: Path) -> str:
    """Of all files of the one store in a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


def measure_kills(folder: Path, frames: int, kills: int) -> None:
    path = folder / "frames.extxyz"
    generator = np.random.default_rng(1)
    with open(path, "w", encoding="utf-8") as file:
        for number in range(frames):
            rows = "\n".join(f"H {x:.5f} {y:.5f} {z:.5f}" for x, y, z in generator.normal(size=(3, 3)))
            file.write(f"3\nProperties=species:S:1:pos:R:3 energy={-1.5 - number * 1e-6:.6f}\n{rows}\n")
    command = [sys.executable, "-c", PREPARE, str(path)]
    start = time.perf_counter()
    subprocess.run([*command, str(folder / "whole")], check=True)
    whole = time.perf_counter() - start
    expected, killed = digest(folder / "whole"), 0
    while killed < kills:
        process = subprocess.Popen([*command, str(folder / "killed")])
        time.sleep(float(generator.uniform(0.1, 0.95)) * whole)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        elif process.returncode == 0:
            shutil.rmtree(folder / "killed")  # it ended first
        else:
            raise SystemExit(f"a preparation ended with {process.returncode}")
        process.wait()
    subprocess.run([*command, str(folder / "killed")], check=True)
    same = digest(folder / "killed") == expected
    print(
        f"{frames:,} frames of XYZ prepared in {whole:.0f} s; killed {killed} times, then let end: {'the same' if same else 'OTHER'} bytes"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--killed-frames", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.frames:
            measure_store(Path(name), options.frames)
        if options.kills:
            measure_kills(Path(name), options.killed_frames, options.kills)


if __name__ == "__main__":
    main()

"""What is recoverable over frames and photons: small reconstructions of one particle on a grid, printed as a table for the docs.

OMP_NUM_THREADS=1 python bench/emc_map.py STRUCTURE --frames 100 300 900 --photons 50 150 450 --n 3 --starts 2

Each cell: share of frames within two spacings of the truth (after near-symmetries and half turns about the beam), correlation of log(1 + I).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import hooke


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structure", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 300, 900])
    parser.add_argument("--photons", type=float, nargs="+", default=[50, 150, 450])
    parser.add_argument("--n", type=int, default=3)
    parser.add_argument("--starts", type=int, default=2)
    asked = parser.parse_args()
    print("| frames | " + " | ".join(f"{each:g} photons" for each in asked.photons) + " |")
    print("|" + "---|" * (len(asked.photons) + 1), flush=True)
    started = time.process_time()
    for count in asked.frames:
        cells = []
        for photons in asked.photons:
            with tempfile.TemporaryDirectory() as name:
                frames = Path(name) / "f.h5"
                hooke.simulate_patterns(asked.structure, frames, frames=count, photons=photons, show_progress=False)
                found = hooke.reconstruct(frames, name, n=asked.n, starts=asked.starts, show_progress=False)
                scores = hooke.evaluate_reconstruction(found.run.folder, asked.structure)
                cells.append(f"{scores.symmetric.within + scores.flips:.0%}, {scores.correlation:.2f}")
        print(f"| {count:,} | " + " | ".join(cells) + " |", flush=True)
    print(f"{time.process_time() - started:.0f} CPU s")


if __name__ == "__main__":
    main()

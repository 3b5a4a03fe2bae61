"""What is recovered of a particle from its snapshots: orientations, intensity, CPU seconds and memory, over seeds.

    python bench/emc_recovery.py STRUCTURE --frames 2000 --photons 400 --n 6 --starts 1 --seeds 0 1 2 3 4

Prints a line of JSON a seed. Simulation and evaluation are not in the CPU seconds. Each seed is a process of its own, on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("structure", type=Path)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--photons", type=float, default=400.0)
    parser.add_argument("--fluence-spread", type=float, default=0.0)
    parser.add_argument("--n", type=int, default=6)
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--refine", type=int, default=0)
    parser.add_argument("--assembly", default="")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        recover(options)
        return
    for seed in options.seeds:
        command = [
            sys.executable,
            __file__,
            *sys.argv[1 : sys.argv.index("--seeds") if "--seeds" in sys.argv else None],
        ]
        subprocess.run(
            [*command, "--seeds", str(seed), "--alone"], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )


def recover(options: argparse.Namespace) -> None:
    import hooke
    from hooke.core.runs import peak_memory_mb

    (seed,) = options.seeds
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.h5"
        hooke.simulate_patterns(
            options.structure, frames, frames=options.frames, photons=options.photons, fluence_spread=options.fluence_spread,
            assembly=options.assembly, seed=seed, show_progress=False,
        )  # fmt: skip
        before = time.process_time()
        found = hooke.reconstruct(
            frames, Path(folder) / "runs", n=options.n, starts=options.starts, iterations=options.iterations, refine=options.refine, seed=seed,
            show_progress=False,
        )  # fmt: skip
        seconds, memory = time.process_time() - before, peak_memory_mb()
        scores = hooke.evaluate_reconstruction(found.run.folder, options.structure, assembly=options.assembly).to_json()
    line = {
        "seed": seed, "cpu_s": round(seconds, 1), "peak_mb": memory, "verdict": found.verdict, "agreements": found.agreements,
        "naive": scores["naive"], "symmetric": scores["symmetric"], "flips": scores["flips"], "symmetries": scores["symmetries"],
        "correlation": scores["correlation"], "fsc_edge": scores["shells"][-1][2], "fluence": scores["fluence"],
    }  # fmt: skip
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

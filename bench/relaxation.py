"""Relaxation of conformers with one potential: `hooke relax` against L-BFGS of ASE on the same potential, one system after the other.

    python bench/relaxation.py RUN FRAMES [--count 200] [--fmax 0.05]

RUN is a trained potential, FRAMES a file of geometries of elements that it knows. Whole commands are timed, their start included: wall time,
and CPU time (not of `hooke` with two processes, whose workers the system does not count). ASE runs in one process and in two, each with
half of the systems. Each system's energy is compared with ASE's, and the force on every atom of every relaxed geometry is computed again.
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
from pathlib import Path

STEPS = 500


def by_ase(run: str, frames: str, first: int, stop: int, fmax: float) -> None:
    """In a process of its own: print the energies, steps and largest forces of some systems."""
    import ase.io
    import numpy as np
    import torch
    from ase.optimize import LBFGS

    import hooke

    torch.set_num_threads(1)
    calculator, found = hooke.calculator(run), []
    for atoms in ase.io.read(frames, f"{first}:{stop}"):
        atoms.calc = calculator
        optimiser = LBFGS(atoms, logfile=None)
        optimiser.run(fmax=fmax, steps=STEPS)
        longest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        found.append((float(atoms.get_potential_energy()), optimiser.nsteps, longest))
    print(json.dumps(found))


def timed(commands: list[list[str]]) -> tuple[float, float, list[str]]:
    """Wall and CPU seconds of commands that run side by side, and what they print."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HOOKE_PROGRESS": "0"}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for command in commands]
    texts = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("a command failed")
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, texts


def main() -> None:
    """Compare, and print one line a way and one of differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("frames")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--fmax", type=float, default=0.05)
    parser.add_argument("--part", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        by_ase(given.run, given.frames, *given.part, given.fmax)
        return
    import ase.io
    import numpy as np

    import hooke

    count, half = given.count, given.count // 2
    with tempfile.TemporaryDirectory() as folder:
        frames, output = Path(folder) / "frames.extxyz", Path(folder) / "relaxed.extxyz"
        ase.io.write(frames, ase.io.read(given.frames, f":{count}"), columns=["symbols", "positions"])
        own = [
            sys.executable,
            "-c",
            "from hooke.cli.main import run; run()",
            "relax",
            str(frames),
            "--run",
            given.run,
            "-o",
            str(output),
        ]
        own += ["--fmax", str(given.fmax), "--steps", str(STEPS), "--new"]
        ase_command = [sys.executable, __file__, given.run, str(frames), "--fmax", str(given.fmax), "--part"]
        ways = {
            "hooke, 1 process": [[*own, "--workers", "1"]],
            "hooke, 2 processes": [[*own, "--workers", "2"]],
            "ASE, 1 process": [[*ase_command, "0", str(count)]],
            "ASE, 2 processes": [[*ase_command, "0", str(half)], [*ase_command, str(half), str(count)]],
        }
        seconds, printed = {}, []
        for name, commands in ways.items():
            wall, cpu, printed = timed(commands)
            seconds[name] = (wall, cpu)
            print(f"{name:<20} wall {wall:7.1f} s   CPU {cpu:7.1f} s   load {os.getloadavg()[0]:.1f}", flush=True)
        peer = np.array([entry for text in printed for entry in json.loads(text)])
        relaxed = ase.io.read(output, ":")
        calculator, energies, longest = hooke.calculator(given.run), [], []
        for atoms in relaxed:
            atoms.calc = calculator
            energies.append(atoms.get_potential_energy())
            longest.append(float(np.linalg.norm(atoms.get_forces(), axis=1).max()))
        steps = np.array([atoms.info.get("steps", np.nan) for atoms in ase.io.read(output, ":")])
    apart = np.abs(np.array(energies) - peer[:, 0]) * 1e3
    wall = {name: value[0] for name, value in seconds.items()}
    cpu = {name: value[1] for name, value in seconds.items()}
    best = "hooke, 2 processes"
    print(
        f"wall: {wall['ASE, 1 process'] / wall[best]:.2f} x ASE in one process, {wall['ASE, 2 processes'] / wall[best]:.2f} x in two; "
        f"CPU, one process each: {cpu['ASE, 1 process'] / cpu['hooke, 1 process']:.2f} x"
    )
    print(
        f"{len(relaxed)} of {count} systems; steps {np.nanmean(steps):.1f} and {peer[:, 1].mean():.1f} of ASE; largest force computed again "
        f"{max(longest):.4f} eV/Å; energies: median {np.median(apart):.3f} meV apart, largest {apart.max():.3f}, within 1 meV "
        f"{(apart <= 1).sum()} of {len(apart)}"
    )


if __name__ == "__main__":
    main()

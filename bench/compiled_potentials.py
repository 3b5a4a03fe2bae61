"""Potentials compiled by inductor, which needs a C++ compiler, against the same ones run eagerly: energies, forces, and time.

    python bench/compiled_potentials.py RUN [RUN ...]

RUN is a run folder of a potential (`hooke fit tiny_potential`). Systems are made frames whose elements the run knows: one molecule after the
other, then three together, then all. Prints the largest differences of energies (eV) and forces (eV/Å), the CPU seconds of the first call (the
compiler's processes included), and those of a later call with either.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

from hooke.atoms.batch import atoms_batch
from hooke.atoms.facts import Facts
from hooke.atoms.twins import made_frames
from hooke.inference.loaded import LoadedRun
from hooke.workflows.run_potential import RunPotential


def spent() -> float:
    """CPU seconds of this process and of those that have ended."""
    return sum(os.times()[:4])


def measure(folder: Path) -> None:
    run = LoadedRun.open(folder, "cpu")
    eager, ready = RunPotential(run), RunPotential(run, compiled=True)
    frames = made_frames(Facts("eV", "angstrom", energy_kind="formation", methods=("gfn2",)), 5)
    known = np.array([row for row in range(len(frames)) if row not in eager.spec.unknown(frames)])
    chosen = [known[:1], known[3:4], known[6:7], known[[0, 4, 7]], known]
    energy = force = first = 0.0
    for number, rows in enumerate(chosen):
        batch = atoms_batch(frames.select(rows), np.arange(len(rows)), dtype=torch.float64)
        started = spent()
        compiled = ready.at(batch)
        first += (spent() - started) * (number == 0)
        plain = eager.at(batch)
        energy = max(energy, float((plain.energies - compiled.energies).abs().max()))
        force = max(force, float((plain.forces - compiled.forces).abs().max()))
    times = {}
    for name, potential in (("eager", eager), ("compiled", ready)):
        started = time.process_time()
        for _ in range(20):
            potential.at(batch)
        times[name] = (time.process_time() - started) / 20
    batches = ", ".join(str(len(rows)) for rows in chosen)
    sizes = len(set(frames.counts[known].tolist()))
    print(
        f"{run.recipe.model.name}: batches of {batches} molecules of {sizes} sizes; energies within {energy:.1e} eV, forces {force:.1e} eV/Å"
    )
    print(
        f"  compiling {first:.0f} CPU s; {1000 * times['eager']:.1f} ms eager, {1000 * times['compiled']:.1f} ms compiled",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    for each in parser.parse_args().runs:
        measure(each)

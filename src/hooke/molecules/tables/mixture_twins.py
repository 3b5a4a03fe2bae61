"""Offline twins of published tables: the same formats, columns and levels, with few molecules and computed labels."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem

from hooke.core.pt_files import write_integer_lists
from hooke.molecules.tables.published import PublishedTable, columns_of
from hooke.molecules.tables.twins import twin_smiles, twin_value

ROWS = 60
PATTERN_COLUMNS = 4  # how many columns stand for a pattern such as "geneID-*"
_MISSING = 0.1


def write_twin_files(table: PublishedTable, folder: Path, *, seed: int, every_column: bool = False) -> list[Path]:
    """Write the table and its split; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    molecules = [Chem.MolFromSmiles(smiles) for smiles in twin_smiles(ROWS, seed=seed)]
    numbered = any(label.level == "node" for _, label in table.columns)
    columns: dict[str, list[object]] = {
        table.smiles: [_numbered_smiles(molecule) if numbered else Chem.MolToSmiles(molecule) for molecule in molecules]
    }
    for pattern, label in table.columns:
        for name in columns_of(pattern, table.counts[pattern] if every_column and "*" in pattern else PATTERN_COLUMNS):
            columns[name] = [
                None
                if generator.random() < _MISSING
                else _atom_labels(molecule, generator)
                if label.level == "node"
                else twin_value(Chem.MolToSmiles(molecule), label, generator)
                for molecule in molecules
            ]
    path = folder / table.file.name
    frame = pl.DataFrame(columns)
    if path.name.endswith(".parquet"):
        frame.write_parquet(path)
    else:
        path.write_bytes(gzip.compress(frame.write_csv().encode(), mtime=0))
    split = folder / table.split.name
    write_integer_lists(split, _split(generator, table.test))
    return [path, split]


def _numbered_smiles(molecule: Chem.Mol) -> str:
    """With explicit hydrogens and the number of every atom, as tables with labels of atoms give it."""
    full = Chem.AddHs(molecule)
    for atom in full.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToSmiles(full)


def _atom_labels(molecule: Chem.Mol, generator: np.random.Generator) -> list[float]:
    """Something that atoms of an element share: their electronegativity's stand-in, with a little noise."""
    return [round(atom.GetAtomicNum() / 10 + 0.01 * generator.normal(), 4) for atom in molecule.GetAtoms()]


def _split(generator: np.random.Generator, test: str) -> dict[str, list[int]]:
    order = generator.permutation(ROWS).tolist()
    parts = {"train": order[: ROWS - 20], "val": order[ROWS - 20 : ROWS - 10], "test": order[ROWS - 10 :]}
    if test != "test":
        parts[test] = [parts["train"].pop() for _ in range(5)]
    return parts

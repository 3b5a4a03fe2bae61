"""Offline twins of tables: the same files, columns and levels, with few real molecules and labels computed from their structure."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rdkit import Chem, rdBase
from rdkit.Chem import Crippen

from hooke.core.files import replacing, write_durably
from hooke.core.label import Label
from hooke.core.pt_files import write_integer_lists
from hooke.molecules.tables.description import Level, Table

ROWS = 60
PATTERN_COLUMNS = 4  # how many columns stand for a pattern such as "geneID-*"
MISSING = 0.1

_CORES = (
    "c1ccccc1",
    "C1CCCCC1",
    "c1ccncc1",
    "C1CCNCC1",
    "c1ccsc1",
    "c1ccoc1",
    "C1COCCN1",
    "C",
    "CC",
    "CCC",
    "c1ccc2ccccc2c1",
)
_GROUPS = ("O", "N", "C", "CC", "F", "Cl", "C(=O)O", "C(=O)N", "OC", "C#N", "C(F)(F)F", "S(=O)(=O)N", "N(C)C", "Br")


def twin_smiles(count: int, *, seed: int) -> list[str]:
    """`count` different small molecules: a core with one or two groups, canonical, in an order drawn from the seed."""
    found: dict[str, None] = {}
    for core in _CORES:
        for first in _GROUPS:
            for second in ("", *_GROUPS):
                text = f"{core}{first}" if not second else f"{second}{core}{first}"
                with rdBase.BlockLogs():
                    molecule = Chem.MolFromSmiles(text)
                if molecule is not None:
                    found[Chem.MolToSmiles(molecule)] = None
    names = sorted(found)
    order = np.random.default_rng(seed).permutation(len(names))
    if count > len(names):
        raise ValueError(f"there are {len(names)} twin molecules, not {count}")
    return [names[place] for place in order[:count]]


def twin_value(smiles: str, label: Label, generator: np.random.Generator) -> float:
    """A label computed from the structure (Crippen log P plus a little noise), of the label's kind."""
    value = _log_p(smiles) + 0.1 * generator.normal()
    if label.kind == "regression":
        return round(float(value), 4)
    if label.kind == "binary":
        return float(value > 1.2)
    return float(min(label.classes - 1, max(0, int(value + 1))))


@lru_cache(maxsize=1000)
def _log_p(smiles: str) -> float:
    return float(Crippen.MolLogP(Chem.MolFromSmiles(smiles)))  # type: ignore[attr-defined]


def write_twin_table(
    path: Path,
    *,
    seed: int,
    rows: int,
    labels: Sequence[Label] = (Label("log_p"), Label("lipophilic", kind="binary")),
    smiles_column: str = "smiles",
    missing: float = MISSING,
) -> Path:
    """Write a CSV of twin molecules with the given labels, some of them missing."""
    columns = [(label.name, label) for label in labels]
    return _write(
        path, _cells(smiles_column, columns, twin_smiles(rows, seed=seed), np.random.default_rng(seed), missing)
    )


def write_twins(table: Table, folder: Path, *, seed: int, every_column: bool = False) -> Table:
    """Write the files of a published table and its split, with few molecules; returns the table with these at hand.

    Args:
        table: The table.
        folder: Where to write.
        seed: Of molecules, labels and split.
        every_column: As many columns as the real table has, instead of a few for each pattern.
    """
    generator = np.random.default_rng(seed)
    columns = table.every_column(None if every_column else PATTERN_COLUMNS)
    missing = MISSING if len(columns) > 1 else 0.0  # a row without any label teaches nothing
    shares = np.array_split(np.array(twin_smiles(ROWS, seed=seed)), len(table.files))
    paths = []
    for file, smiles in zip(table.files, shares, strict=True):
        cells = _cells(table.smiles or "smiles", columns, smiles.tolist(), generator, missing)
        if table.split_column:
            cells[table.split_column] = ["test" if row % 5 == 0 else "train" for row in range(len(smiles))]
        paths.append(_write(Path(folder) / Path(file.name).name, cells))
    if table.split_file is None:
        return replace(table, paths=tuple(paths))
    split = Path(folder) / table.split_file.name
    write_integer_lists(split, _split(generator, table.test))
    return replace(table, paths=tuple(paths), split_path=split)


def _cells(
    smiles_column: str,
    columns: Sequence[tuple[str, Label]],
    smiles: Sequence[str],
    generator: np.random.Generator,
    missing: float,
) -> dict[str, list[Any]]:
    """Column -> a value a row, None where missing; labels of atoms are lists, and then every SMILES numbers its atoms."""
    cells: dict[str, list[Any]] = {smiles_column: list(smiles), **{column: [] for column, _ in columns}}
    if any(label.level == "node" for _, label in columns):
        cells[smiles_column] = [_numbered_smiles(Chem.MolFromSmiles(text)) for text in smiles]
    for text in smiles:
        for column, label in columns:
            value: Any = None
            if generator.random() >= missing:
                value = (_atom_values if label.level == "node" else twin_value)(text, label, generator)
            cells[column].append(value)
    return cells


def _write(path: Path, cells: dict[str, list[Any]]) -> Path:
    """As Parquet, CSV or CSV.gz, by the name of the file."""
    if path.suffix == ".parquet":
        with replacing(path) as temporary:
            pl.DataFrame(cells).write_parquet(temporary)
        return path
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(cells)
    for row in zip(*cells.values(), strict=True):
        writer.writerow([f"{value:g}" if isinstance(value, float) else value for value in row])
    data = text.getvalue().encode()
    write_durably(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def _numbered_smiles(molecule: Chem.Mol) -> str:
    """With explicit hydrogens and the number of every atom, as tables with labels of atoms give it."""
    full = Chem.AddHs(molecule)
    for atom in full.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToSmiles(full)


def _atom_values(smiles: str, label: Label, generator: np.random.Generator) -> list[float]:
    """Something that atoms of an element share: their electronegativity's stand-in, with a little noise."""
    atoms = Chem.MolFromSmiles(smiles).GetAtoms()
    return [round(atom.GetAtomicNum() / 10 + 0.01 * generator.normal(), 4) for atom in atoms]


def _split(generator: np.random.Generator, test: str) -> dict[str, list[int]]:
    order = generator.permutation(ROWS).tolist()
    parts = {"train": order[: ROWS - 20], "val": order[ROWS - 20 : ROWS - 10], "test": order[ROWS - 10 :]}
    if test != "test":
        parts[test] = [parts["train"].pop() for _ in range(5)]
    return parts


def write_twin_mixture(folder: Path, *, seed: int, rows: int = 40) -> dict[tuple[str, Level], Path]:
    """Write four tables, one a level, that share a part of their molecules; atoms are numbered in a shuffled order.

    Args:
        folder: Where to write.
        seed: Of molecules and labels.
        rows: Of each table.

    Returns:
        (name, level) → file.
    """
    smiles, generator = twin_smiles(2 * rows, seed=seed), np.random.default_rng(seed)
    paths: dict[tuple[str, Level], Path] = {("assay", "graph"): folder / "assay.csv"}
    write_twin_table(paths["assay", "graph"], seed=seed, rows=rows)
    kinds: tuple[tuple[str, Level, str], ...] = (
        ("charges", "node", ".parquet"),
        ("orders", "edge", ".csv"),
        ("distances", "pair", ".csv"),
    )
    for number, (name, level, suffix) in enumerate(kinds, 1):
        molecules = [Chem.MolFromSmiles(text) for text in smiles[number * rows // 4 :][:rows]]
        cells: dict[str, list[Any]] = {"ordered_smiles": [], "value": []}
        for molecule in molecules:
            order = generator.permutation(molecule.GetNumAtoms())
            for atom, place in zip(molecule.GetAtoms(), order.tolist(), strict=True):
                atom.SetAtomMapNum(place + 1)
            cells["ordered_smiles"].append(Chem.MolToSmiles(molecule))
            values: list[Any] = [
                atom.GetAtomicNum() / 10 for atom in sorted(molecule.GetAtoms(), key=Chem.Atom.GetAtomMapNum)
            ]
            if level != "node":
                distances = Chem.GetDistanceMatrix(molecule)
                longest = 1 if level == "edge" else 3
                values = [
                    [int(order[i]) + 1, int(order[j]) + 1, float(distances[i, j])]
                    for i, j in zip(*np.triu_indices(len(order), 1), strict=True)
                    if distances[i, j] <= longest
                ]
                if level == "edge":
                    bond = molecule.GetBondBetweenAtoms
                    place_of = np.argsort(order).tolist()
                    values = [
                        [i, j, bond(place_of[i - 1], place_of[j - 1]).GetBondTypeAsDouble()] for i, j, _ in values
                    ]
            cells["value"].append(values if suffix == ".parquet" else str(values))
        paths[name, level] = _write(folder / f"{name}{suffix}", cells)
    return paths

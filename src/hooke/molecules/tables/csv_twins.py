"""Offline twins of small published CSV tables: the same files and columns, with few molecules and computed labels."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hooke.molecules.tables.twins import twin_smiles, twin_value

if TYPE_CHECKING:
    from hooke.molecules.tables.csv_tables import CsvTable

ROWS = 96


def write_csv_twins(table: CsvTable, folder: Path, *, seed: int) -> list[Path]:
    """Write a twin of every file of the table; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    shares = np.array_split(np.array(twin_smiles(ROWS, seed=seed)), len(table.files))
    paths = []
    for (file, _), smiles in zip(table.files, shares, strict=True):
        rows = []
        for number, text in enumerate(smiles.tolist()):
            cells = {table.smiles: text}
            cells |= {column: f"{twin_value(text, label, generator):g}" for column, label in table.columns}
            if table.split:
                cells[table.split] = "test" if number % 5 == 0 else "train"
            rows.append(cells)
        path = folder / Path(file.name).name
        with open(path, "w", newline="") as out:
            writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        paths.append(path)
    return paths

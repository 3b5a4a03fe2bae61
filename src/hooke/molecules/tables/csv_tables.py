"""Small published CSV tables, one or a few labels each: read, put into one shape, prepared, twinned.

Every table becomes `smiles`, one column a label, and, where it has published parts, `split`. So data sets of many such tables say only
which files and columns there are.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core.cards import RemoteFile
from hooke.core.how import QUIET, How
from hooke.core.label import Label

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore
    from hooke.molecules.tables.mixtures import MixtureTable


@dataclass(frozen=True)
class CsvTable:
    """One table.

    Attributes:
        files: Its files, each with the part that all its rows are in ("train", "test"; "" when the rows or nothing say it).
        smiles: SMILES column.
        columns: Column of the file -> the label that it is.
        metric: What it is scored by.
        split: Column of the rows' parts, "".
        duplicates: What becomes of equal molecules, as in `IngestConfig`.
    """

    files: tuple[tuple[RemoteFile, str], ...]
    smiles: str
    columns: tuple[tuple[str, Label], ...]
    metric: str
    split: str = ""
    duplicates: str = "mean"

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in order."""
        return tuple(label for _, label in self.columns)

    @property
    def published_split(self) -> bool:
        """Whether rows have parts of their own."""
        return bool(self.split) or any(part for _, part in self.files)


@dataclass(frozen=True)
class _Options:
    duplicates: str
    split_column: str | None
    smiles: str = "smiles"


class CsvDataset:
    """A data set of such tables, one at a time.

    Args:
        name: Of the data set.
        tables: All its tables.
        chosen: Name of the one.
    """

    def __init__(self, name: str, tables: Mapping[str, CsvTable], chosen: str) -> None:
        self.name, self.chosen, self.table = name, chosen, tables[chosen]

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels of the table."""
        return self.table.labels

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded."""
        from hooke.core.download import fetch
        from hooke.core.paths import cache_folder

        folder = cache_folder() / "raw" / self.name
        return [fetch(file, folder, show_progress=how.show_progress) for file, _ in self.table.files]

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Make the store of the table below `folder`, or open it; the files are downloaded first if need be."""
        paths = self.files(how)
        return self._ingest(paths, Path(folder), how)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """The same columns with small real molecules and labels computed from their structure."""
        from hooke.molecules.tables.csv_twins import write_csv_twins

        paths = write_csv_twins(self.table, Path(folder) / "files" / self.chosen, seed=seed)
        return self._ingest(paths, Path(folder), QUIET)

    def rows(self, paths: list[Path]) -> list[dict[str, str]]:
        """All rows as `smiles`, label columns and, with published parts, `split`."""
        from hooke.molecules.tables.reading import read_table

        found = []
        for path, (_, part) in zip(paths, self.table.files, strict=True):
            for chunk in read_table(path):
                for row in range(len(chunk)):
                    cells = {"smiles": chunk.columns[self.table.smiles][row]}
                    cells |= {label.name: chunk.columns[column][row] for column, label in self.table.columns}
                    if self.table.published_split:
                        cells["split"] = part or chunk.columns[self.table.split][row]
                    found.append(cells)
        return found

    def held_out(self, how: How = How()) -> list[str]:
        """SMILES of the rows that the suites test on: the published test part, else that of `molecules.held_out`."""
        from hooke.molecules.held_out import held_out

        rows = self.rows(self.files(how))
        if self.table.published_split:
            return [row["smiles"] for row in rows if row["split"] == "test"]
        smiles = [row["smiles"] for row in rows]
        return [text for text, out in zip(smiles, held_out(smiles), strict=True) if out]

    def member(self, folder: Path, how: How = How()) -> MixtureTable:
        """The table as a part of a mixture."""
        from hooke.molecules.tables.mixtures import MixtureTable

        path = self._written(self.files(how), Path(folder))
        return MixtureTable(self.chosen, (path,), "smiles", tuple((label.name, label) for label in self.labels))

    def _written(self, paths: list[Path], folder: Path) -> Path:
        """All rows as one CSV."""
        from hooke.core.files import put_in_place

        rows = self.rows(paths)
        path = folder / "tables" / f"{self.chosen}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        put_in_place(temporary, path)
        return path

    def _ingest(
        self,
        paths: list[Path],
        folder: Path,
        how: How,
    ) -> MoleculeStore:
        from hooke.molecules.tables.prepared import prepare_table

        options: Any = _Options(self.table.duplicates, "split" if self.table.published_split else None)
        return prepare_table(self._written(paths, folder), folder, options, how, labels=self.labels)

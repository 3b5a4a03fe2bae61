"""Tables as others publish them: files, label columns and splits; light to import, so that a card costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hooke.core.cards import RemoteFile
from hooke.core.how import How
from hooke.core.label import Label

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore


@dataclass(frozen=True)
class PublishedTable:
    """One table.

    Attributes:
        file: CSV(.gz) or Parquet.
        split: `.pt` file of row numbers by part.
        smiles: SMILES column.
        columns: Label columns, by name or as a pattern ("geneID-*"), and what these labels are (without their names).
        metrics: Those that its publication reports.
        test: The part of the split that is tested on.
        counts: How many columns each pattern stands for.
    """

    file: RemoteFile
    split: RemoteFile
    smiles: str
    columns: tuple[tuple[str, Label], ...]
    metrics: tuple[str, ...] = ()
    test: str = "test"
    counts: Mapping[str, int] = field(default_factory=dict)


def every_label(tables: Mapping[str, PublishedTable]) -> tuple[Label, ...]:
    """One label for each column, patterns written out, named as the store names them: "pcba_1328/assayID-0" ..."""
    return tuple(
        replace(label, name=f"{name}/{column}", source=name)
        for name, table in tables.items()
        for pattern, label in table.columns
        for column in columns_of(pattern, table.counts.get(pattern, 1))
    )


def columns_of(pattern: str, count: int) -> list[str]:
    """Names that a pattern stands for: its star as 0 ... count - 1; without a star the name itself."""
    return [pattern.replace("*", str(number)) for number in range(count)] if "*" in pattern else [pattern]


def fetch_tables(name: str, tables: Mapping[str, PublishedTable], how: How = How()) -> list[Path]:
    """Table and split of each, from the mirror or downloaded below the cache folder."""
    from hooke.core.download import fetch
    from hooke.core.paths import cache_folder

    wanted = [file for table in tables.values() for file in (table.file, table.split)]
    return [fetch(file, cache_folder() / "raw" / name, show_progress=how.show_progress) for file in wanted]


def prepare_tables(
    name: str,
    tables: Mapping[str, PublishedTable],
    paths: list[Path],
    folder: Path,
    how: How = How(),
) -> MoleculeStore:
    """The store of the mixture `name`, made of the files that `fetch_tables` or `twin_files` returned."""
    from hooke.molecules.tables.mixtures import MixtureTable, prepare_mixture

    mixed = [
        MixtureTable(key, (path,), table.smiles, table.columns, split, table.test)
        for (key, table), path, split in zip(tables.items(), paths[::2], paths[1::2], strict=True)
    ]
    return prepare_mixture(mixed, Path(folder), name, how)


def twin_files(
    tables: Mapping[str, PublishedTable], folder: Path, seed: int, *, every_column: bool = False
) -> list[Path]:
    """The same files, small: real molecules, labels computed from their structure, random splits.

    Args:
        tables: Of the data set.
        folder: Where to write.
        seed: Of molecules, labels and splits.
        every_column: As many columns as the real tables have, instead of a few for each pattern.
    """
    from hooke.molecules.tables.mixture_twins import write_twin_files

    paths = []
    for number, (key, table) in enumerate(tables.items()):
        paths += write_twin_files(
            table, Path(folder) / "files" / key, seed=1000 * seed + number, every_column=every_column
        )
    return paths

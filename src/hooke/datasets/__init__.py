"""Data sets: one file for each name in the literature, with `CARD`, `Config` and `Dataset(config)`; here is what they have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hooke.core.errors import UsageError
from hooke.core.how import QUIET, How

if TYPE_CHECKING:
    from hooke.core.cards import RemoteFile
    from hooke.core.label import Label
    from hooke.molecules.store import MoleculeStore
    from hooke.molecules.tables.description import Table

Config = TypeVar("Config")


class Dataset(ABC, Generic[Config]):
    """What every data set can do. A store is whatever its modality keeps: molecules, fields of images, profiles of cells."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def table_names(self) -> tuple[str, ...]:
        """Tables of a mixture, chosen or not, that a task may have options for."""
        return ()

    @property
    def shares(self) -> Mapping[str, float]:
        """Table of a mixture → share of its training rows that an epoch takes; those that are not named are taken whole."""
        return {}

    @abstractmethod
    def prepare(self, folder: Path, how: How = How()) -> Any:
        """Make the store below `folder`, or open the one made of the same content; missing files are downloaded first."""

    @abstractmethod
    def twin(self, folder: Path, seed: int = 0) -> Any:
        """A small store of the same form below `folder`, made without network; the same seed gives the same content."""

    def check(self) -> None:
        """Refuse at once what the options name and is not there; nothing by default.

        Raises:
            UsageError: A column is not there.
            DataError: A file is not there or cannot be read.
        """

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded with checksum and resume.

        Raises:
            UsageError: The data set has no files of its own: it is computed, lies in the package, or is the user's.
            DataError: A file cannot be had; see `core.download.fetch`.
        """
        raise UsageError(f"{type(self).__module__.rpartition('.')[2]} has nothing to download")


def fetched(name: str, files: Iterable[RemoteFile], how: How) -> list[Path]:
    """Raw files of a data set below the cache folder, from the mirror or downloaded; see `core.download.fetch` for errors."""
    from hooke.core.download import fetch
    from hooke.core.paths import cache_folder

    folder = cache_folder() / "raw" / name
    return [fetch(file, folder, show_progress=how.show_progress) for file in files]


class TableDataset(Dataset[Config]):
    """A data set of published tables of molecules: one table, or several with names as a mixture.

    Args:
        config: Of the data set.
        name: Of the data set.
        tables: Name -> table.
    """

    def __init__(self, config: Config, name: str, tables: Mapping[str, Table]) -> None:
        super().__init__(config)
        self.name, self.tables = name, tables

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of the tables; one for each pattern of columns, whose names are known only from the files."""
        return tuple(label for table in self.tables.values() for label in table.labels)

    @property
    def every_label(self) -> tuple[Label, ...]:
        """One label for each column of the published files."""
        return tuple(label for table in self.tables.values() for _, label in table.every_column())

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded: those of each table, then its split."""
        wanted = (file for table in self.tables.values() for file in (*table.files, table.split_file) if file)
        return fetched(self.name, wanted, how)

    def at_hand(self, folder: Path, how: How = How()) -> list[Table]:
        """The tables with their files at hand; what has to be made of the raw files is written below `folder`."""
        from dataclasses import replace

        paths = iter(self.files(how))
        return [
            replace(
                table,
                paths=tuple(next(paths) for _ in table.files),
                split_path=next(paths) if table.split_file else None,
            )
            for table in self.tables.values()
        ]

    def twins(self, folder: Path, seed: int = 0) -> list[Table]:
        """The tables with the same files, written below `folder` for few real molecules with labels computed from their structure."""
        from hooke.molecules.tables.twins import write_twins

        return [
            write_twins(table, Path(folder) / "files" / name, seed=1000 * seed + number)
            for number, (name, table) in enumerate(self.tables.items())
        ]

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Make the store below `folder`, or open it; the files are downloaded first if need be."""
        return self._store(self.at_hand(folder, how), folder, how)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """The store of `twins`."""
        return self._store(self.twins(folder, seed), folder, QUIET)

    def held_out(self, how: How = How()) -> list[str]:
        """SMILES of the rows that the suites test on: the published test part, else that of `molecules.held_out`."""
        from hooke.core.paths import cache_folder
        from hooke.molecules.tables.rows import held_out_smiles

        return [smiles for table in self.at_hand(cache_folder() / "stores", how) for smiles in held_out_smiles(table)]

    def _store(self, tables: list[Table], folder: Path, how: How) -> MoleculeStore:
        from hooke.molecules.tables.ingest import prepare_tables

        first = tables[0]
        name = self.name if first.name else first.paths[0].name.split(".")[0]
        if not first.name and len(first.paths) > 1:
            [name] = self.tables
        return prepare_tables(tables, Path(folder), name, how)

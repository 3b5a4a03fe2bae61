"""A user's own table: CSV(.gz), TSV, Parquet, SDF or SMILES file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import UsageError
from hooke.core.how import QUIET, How
from hooke.core.label import Kind
from hooke.molecules.tables.description import LabelOptions, Rule, Table, check_transforms

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore

CARD = Card(
    name="csv",
    title="Your own table of molecules",
    description="Any CSV, TSV, Parquet, SDF or SMILES file; label columns are found or named.",
    modality="molecules",
    source="a file of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    split="random by default; scaffold, cluster, time or a column of your own",
)


@dataclass(frozen=True)
class Config:
    """Which table and how it is read; see `hooke.molecules.tables.description` for the meaning of each option.

    Attributes:
        path: The file.
        smiles: SMILES column; None recognises the usual names.
        targets: Label columns, or "auto".
        split_column: Column of train, valid and test.
        kinds, transforms, units, convert_to: Column -> kind, transform or name of a p-value, unit of the raw value, unit to convert to.
        duplicates: What becomes of rows with equal structures.
        codec: How the store is kept.
    """

    path: str = ""
    smiles: str | None = None
    targets: Literal["auto"] | tuple[str, ...] = "auto"
    split_column: str | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    transforms: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    convert_to: Mapping[str, str] = field(default_factory=dict)
    duplicates: Rule = "mean"
    codec: Literal["plain", "chunked"] = "plain"

    def __post_init__(self) -> None:
        check_transforms(self.transforms)


class Dataset(datasets.Dataset[Config]):
    """The table as a store; its labels are known once the table has been read."""

    @property
    def table(self) -> Table:
        """The table with what is said of it.

        Raises:
            UsageError: No file is named.
        """
        config = self.config
        if not config.path:
            raise UsageError("data.path is missing: name the table, for example data.path=assay.csv")
        labels = LabelOptions(config.targets, config.kinds, config.transforms, config.units, config.convert_to)
        return Table(
            labels, config.smiles, split_column=config.split_column, duplicates=config.duplicates, paths=(Path(config.path),)
        )  # fmt: skip

    def check(self) -> None:
        """The file is there, and its columns are."""
        from hooke.molecules.tables.rows import check_columns

        check_columns(self.table)

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Ingest the table below `folder`, or open the store if this file with these options is there already.

        Raises:
            UsageError: No file is named.
            DataError: The file cannot be read.
        """
        from hooke.molecules.tables.ingest import IngestOptions, prepare_tables

        table = replace(self.table, time_column=how.sections.get("time_column"))
        name, options = table.paths[0].name.split(".")[0], IngestOptions(codec=self.config.codec)
        return prepare_tables([table], Path(folder), name, how, options)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """A small table of real molecules with computed labels, written and read like any other."""
        from hooke.molecules.tables.twins import write_twin_table

        table = write_twin_table(Path(folder) / f"twin-{seed}.csv", seed=seed, rows=64)
        return Dataset(Config(path=str(table))).prepare(folder, QUIET)

"""A user's own tables learned together: labels of molecules, atoms, bonds and pairs, joined by molecule.

    [data]
    name = "mixture"
    split = { kind = "published" }

    [data.tables.tox21]
    path = "tox21.csv"
    labels = ["NR-AR", "SR-p53"]
    share = 0.5
    split = [0.8, 0.1, 0.1]

    [data.tables.charges]
    path = "charges.parquet"
    smiles = "ordered_smiles"
    labels = ["q"]
    level = "node"
    split = "part"

Labels are called `tox21/NR-AR`, `charges/q`. Rows of all tables that are the same molecule (equal canonical SMILES after standardisation) and in
the same part are one row of the store; repeats within a label are merged by `duplicates`. A file with labels of two levels is named twice.

With data.split.kind = "published" each table has a split of its own; any other kind splits the joined molecules, so that none is in two parts.
A share takes so many of a table's training rows in each epoch, drawn anew for each (`molecules.shares`); nothing else of a table is left out.
How cells of atoms, bonds and pairs are written: `molecules.tables.listed`; which order they have: `molecules.tables.numbered_atoms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.how import QUIET, How
from hooke.core.label import Kind
from hooke.molecules.tables.description import LabelOptions, Level, Rule, Table, check_transforms

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore

CARD = Card(
    name="mixture",
    title="Your own tables, learned together",
    description="[data.tables.NAME] path, smiles, labels, level, kind, weight, share, split for each table; joined by molecule.",
    modality="molecules",
    source="files of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    levels=("graph", "node", "edge", "pair"),
    split="of each table (a column, a .pt file, or fractions), or one for all joined molecules",
    notes="With labels of atoms, bonds or pairs molecules are kept as they are (no `standardise`).",
)


@dataclass(frozen=True)
class TableOptions:
    """One table.

    Attributes:
        path: CSV(.gz), TSV, Parquet, SDF or SMILES file.
        smiles: SMILES column; None recognises the usual names.
        labels: Label columns, or "auto".
        level: Of all its labels: "graph" for numbers of molecules, "node", "edge" or "pair" for lists.
        kind: Of all its labels; None finds it out.
        weight: Of each of its labels in the loss.
        share: Of its training rows that an epoch takes.
        split: Of data.split.kind = "published": a column of train, valid and test, a .pt file of row numbers by part, or fractions, by which
            equal molecules of all tables are drawn into one part.
        transforms, units, convert_to: Column → as for the data set `csv`.
    """

    path: str
    smiles: str | None = None
    labels: Literal["auto"] | tuple[str, ...] = "auto"
    level: Level = "graph"
    kind: Kind | None = None
    weight: float = 1.0
    share: float = 1.0
    split: str | tuple[float, float, float] = ""
    transforms: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    convert_to: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share must lie in (0, 1], got {self.share}")
        if not self.weight >= 0:
            raise ValueError(f"weight must be at least 0, got {self.weight}")
        if not isinstance(self.split, str) and (min(self.split) < 0 or abs(sum(self.split) - 1) > 1e-6):
            raise ValueError(f"split must be three fractions that sum to 1, a column or a .pt file, got {self.split}")
        check_transforms(self.transforms)

    def table(self, name: str, rule: Rule) -> Table:
        """The table as it is read.

        Args:
            name: In the mixture.
            rule: What becomes of repeats.
        """
        labels = LabelOptions(
            self.labels, transforms=self.transforms, units=self.units, convert_to=self.convert_to, level=self.level,
            kind=self.kind, weight=self.weight,
        )  # fmt: skip
        is_file = isinstance(self.split, str) and self.split.endswith(".pt")
        return Table(
            labels,
            self.smiles,
            split_column=None if is_file or not isinstance(self.split, str) else self.split or None,
            split_path=Path(self.split) if is_file else None,  # type: ignore[arg-type]
            fractions=None if isinstance(self.split, str) else self.split,
            duplicates=rule,
            name=name,
            paths=(Path(self.path),),
        )


@dataclass(frozen=True)
class Config:
    """Which tables, and how they meet.

    Attributes:
        tables: Name → table; no name holds "/".
        duplicates: What becomes of measurements of one label for equal molecules.
        tested_apart: Leave molecules that one table tests on out of the training and validation rows of the others; they are counted and listed.
        codec: How the store is kept.
    """

    tables: Mapping[str, TableOptions] = field(default_factory=dict)
    duplicates: Rule = "mean"
    tested_apart: bool = False
    codec: Literal["plain", "chunked"] = "plain"

    def __post_init__(self) -> None:
        if self.duplicates == "keep_all":
            raise ValueError("duplicates: tables are joined by molecule, so that repeats cannot be kept apart")
        for name in self.tables:
            if not name or "/" in name:
                raise ValueError(f"a table of a mixture needs a name without '/', got {name!r}")


def of_files(
    files: Sequence[Path], *, smiles: str | None, targets: Sequence[str] | str, transforms: Mapping[str, str]
) -> dict[str, dict[str, object]]:
    """Name → options of the tables that several files are, each named after its file.

    Args:
        files: Different ones.
        smiles: SMILES column of those that have it; the others have one of the usual names.
        targets: "auto", or label columns: each file's labels are those that it has.
        transforms: Column → as in `TableOptions`, for the files that have it.

    Raises:
        UnknownNameError: A column is in none of the files.
        UsageError: A file is named twice, or has none of the targets.
    """
    from hooke.molecules.tables.reading import column_names

    if len(set(files)) < len(files):
        raise UsageError(f"{next(file for file in files if files.count(file) > 1)} is named twice")
    columns = {file: column_names(file) for file in files}
    every = sorted({name for names in columns.values() for name in names})
    for what, asked in (
        ("target column", () if isinstance(targets, str) else targets),
        ("column to transform", transforms),
    ):
        for name in asked:
            if name not in every:
                raise UnknownNameError(what, name, every)
    tables: dict[str, dict[str, object]] = {}
    for file, names in columns.items():
        name = stem = file.name.split(".")[0]
        while name in tables:
            name = f"{stem}-{int(name.removeprefix(stem).removeprefix('-') or 1) + 1}"
        tables[name] = {"path": str(file)}
        if smiles in names:
            tables[name]["smiles"] = smiles
        if own := {column: how for column, how in transforms.items() if column in names}:
            tables[name]["transforms"] = own
        if not isinstance(targets, str):
            tables[name]["labels"] = [target for target in targets if target in names]
            if not tables[name]["labels"]:
                raise UsageError(f"{file} has none of the targets {', '.join(targets)}")
    return tables


class Dataset(datasets.Dataset[Config]):
    """The joined tables as a store."""

    @property
    def tables(self) -> list[Table]:
        """The tables with what is said of them.

        Raises:
            UsageError: There is none.
        """
        if not self.config.tables:
            raise UsageError('a mixture needs tables: [data.tables.NAME] path = "table.csv" for each')
        return [options.table(name, self.config.duplicates) for name, options in self.config.tables.items()]

    @property
    def table_names(self) -> tuple[str, ...]:
        """See `datasets.Dataset.table_names`."""
        return tuple(self.config.tables)

    @property
    def shares(self) -> dict[str, float]:
        """See `datasets.Dataset.shares`."""
        return {name: options.share for name, options in self.config.tables.items()}

    def check(self) -> None:
        """The files are there, and their columns are."""
        from hooke.molecules.tables.rows import check_columns

        for table in self.tables:
            check_columns(table)

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Ingest and join the tables below `folder`, or open the store if the same files with these options are there already.

        Raises:
            UsageError: There are no tables, or columns that are not there.
            DataError: A file cannot be read.
        """
        from hooke.molecules.tables.ingest import IngestOptions, prepare_tables

        if how.sections.get("time_column"):
            raise UsageError("a mixture is not split by time: choose another data.split.kind")
        options = IngestOptions(codec=self.config.codec, joined=True, tested_apart=self.config.tested_apart)
        return prepare_tables(self.tables, Path(folder), CARD.name, how, options)

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """Four small tables of real molecules that share some, with labels of molecules, atoms, bonds and pairs."""
        from hooke.molecules.tables.twins import write_twin_mixture

        paths = write_twin_mixture(Path(folder) / "files", seed=seed)
        tables = {name: TableOptions(str(path), level=level) for (name, level), path in paths.items()}
        return Dataset(Config(tables)).prepare(folder, QUIET)

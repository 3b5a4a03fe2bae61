"""A table of molecules described: its files, what its columns are, how its rows are read; light to import, so that a card costs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from hooke.core.cards import RemoteFile
from hooke.core.concentrations import split_unit
from hooke.core.errors import UnknownNameError
from hooke.core.label import TRANSFORMS, Kind, Label, Transform
from hooke.core.options import later

Rule = Literal["mean", "median", "first", "error", "keep_all"]
Level = Literal["graph", "node", "edge", "pair"]


_P_NAME = re.compile(r"p\w+")


def check_transforms(transforms: Mapping[str, str]) -> None:
    """Refuse what is neither a transform nor the name of a p-value.

    Raises:
        UnknownNameError: The nearest is offered.
    """
    for column, how in transforms.items():
        if how not in TRANSFORMS and not _P_NAME.fullmatch(how):
            raise UnknownNameError(f"transform of {column!r}", how, [*TRANSFORMS, "pIC50 (any name of a p-value)"])


@dataclass(frozen=True)
class LabelOptions:
    """Which columns are labels, where that is found out from the table, and what is said about some of them by name.

    Attributes:
        targets: Label columns, or "auto": every column that is mostly numbers and no identifier.
        kinds: "regression", "binary", "multiclass" or "ordinal"; by default a column of 0 and 1 is binary and any other a regression.
        transforms: "log10", "log1p" or "minus_log10", applied to the raw value; or the name of a p-value, such as "pIC50": the label then
            has this name, and is the negative decimal logarithm of the value in M, where its unit is known (from `units`, or from the name
            of the column), else of the number as it stands.
        units: Unit of the raw value; kept in the label.
        convert_to: Unit to convert to, before the transform.
        level: Of all labels: "graph", or "node", "edge" and "pair" for columns of lists (`tables.listed`).
        kind: Of all labels that `kinds` does not name; None finds it out.
        weight: Of all labels in the loss.
    """

    targets: Literal["auto"] | tuple[str, ...] = "auto"
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    transforms: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    convert_to: Mapping[str, str] = field(default_factory=dict)
    level: Level = later("graph")
    kind: Kind | None = later(None)
    weight: float = later(1.0)

    def columns(self) -> set[str]:
        """All columns that something is said about."""
        return {*self.kinds, *self.units, *self.convert_to, *self.transforms}

    def p_name(self, column: str) -> str:
        """The name of the p-value that a column becomes; "" of any other column."""
        how = self.transforms.get(column, "none")
        return "" if how in TRANSFORMS else how

    def transform_of(self, column: str) -> Transform:
        """What is done to the values of a column."""
        return "minus_log10" if self.p_name(column) else self.transforms.get(column, "none")  # type: ignore[return-value]

    def unit_of(self, column: str) -> str:
        """Unit of the raw values, said or named by the column."""
        return self.units.get(column) or split_unit(column)[1]

    def conversion(self, column: str) -> tuple[str, str] | None:
        """Unit of the raw values and the one to convert to; None where nothing is converted."""
        unit = self.unit_of(column)
        if column in self.convert_to:
            return unit, self.convert_to[column]
        return (unit, "M") if unit and self.p_name(column) else None

    def stored_unit(self, column: str) -> str:
        """Unit of the stored value, after conversion and transform: "-log10 M"."""
        conversion = self.conversion(column)
        unit = conversion[1] if conversion else self.unit_of(column)
        prefix = {"log10": "log10 ", "minus_log10": "-log10 ", "log1p": "log1p "}.get(self.transform_of(column), "")
        return prefix + unit if unit else ""


@dataclass(frozen=True)
class Table:
    """One table of molecules.

    Attributes:
        columns: Label columns, by name or as a pattern ("geneID-*"), and what their labels are; a label of a pattern has its column's name.
            Or how labels are found.
        smiles: SMILES column; None recognises the usual names.
        files: As published: CSV, TSV, Parquet, SDF or SMILES files with equal columns; their rows are counted through.
        parts: The part ("train", "valid", "test") of all rows of each file, where files are parts.
        split_column: Column of the rows' parts.
        time_column: Column of dates or numbers that say when each row was made; no label, unless it is named as one.
        split_file: `.pt` file of row numbers by part, counted from 0.
        test: The part of `split_file` that is tested on.
        duplicates: What becomes of rows with equal canonical SMILES: "mean", "median" or "first" of their measurements
            (classes: majority, a tie is missing), "error" if they conflict, or "keep_all".
        metric: What it is scored by.
        counts: How many columns each pattern stands for.
        name: In a mixture: labels are called `<name>/<column>`, and rows are never merged, since each table has its own split. "" alone.
        by_columns: Columns are read as numbers, thousands as cheaply as one, and a damaged one is an error; else every cell is read as text,
            and a damaged one costs its own label only. Labels of atoms need it.
        share: Of the rows, evenly spread, that is taken, where they are read by columns.
        fractions: Of train, valid and test, drawn by molecule: equal molecules of several tables are in one part.
        paths, split_path: Where `files` and `split_file` lie, once they are at hand.
    """

    columns: tuple[tuple[str, Label], ...] | LabelOptions = LabelOptions()
    smiles: str | None = None
    files: tuple[RemoteFile, ...] = ()
    parts: tuple[str, ...] = ()
    split_column: str | None = None
    time_column: str | None = None
    split_file: RemoteFile | None = None
    test: str = "test"
    duplicates: Rule = "mean"
    metric: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    name: str = ""
    by_columns: bool = False
    share: float = 1.0
    fractions: tuple[float, float, float] | None = None
    paths: tuple[Path, ...] = ()
    split_path: Path | None = None

    @property
    def published_columns(self) -> tuple[tuple[str, Label], ...]:
        """The label columns, where they are stated."""
        return () if isinstance(self.columns, LabelOptions) else self.columns

    @property
    def published_split(self) -> bool:
        """Whether rows have parts of their own."""
        return bool(self.parts or self.split_column or self.split_file or self.split_path or self.fractions)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The stated labels as they are stored, one for each pattern."""
        return tuple(self.label(pattern, label, pattern) for pattern, label in self.published_columns)

    def every_column(self, limit: int | None = None) -> list[tuple[str, Label]]:
        """Stated columns with patterns written out, and their labels as stored; at most `limit` for each pattern."""
        return [
            (column, self.label(pattern, label, column))
            for pattern, label in self.published_columns
            for column in columns_of(pattern, limit or self.counts.get(pattern, 1))
        ]

    def label(self, pattern: str, label: Label, column: str) -> Label:
        """The label of a column as it is stored: named after the label, or the column of a pattern; with its table, in a mixture."""
        name = column if "*" in pattern else label.name
        return replace(label, name=f"{self.name}/{name}", source=self.name) if self.name else replace(label, name=name)


def columns_of(pattern: str, count: int) -> list[str]:
    """Names that a pattern stands for: its star as 0 ... count - 1; without a star the name itself."""
    return [pattern.replace("*", str(number)) for number in range(count)] if "*" in pattern else [pattern]

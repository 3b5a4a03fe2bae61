"""`Profiles`: one vector of numbers for each cell, field, well, guide or gene, with what is known about it.

Standard metadata columns: experiment, plate, well, site, row, column, batch, cell_type, perturbation, perturbation_type
("compound", "gene" or "none"), gene, guide, compound, concentration_um, control ("negative", "positive" or ""). None of
them is required; others are kept as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.checked import check_seal, write_parquet
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.json_text import json_text
from hooke.core.notebook import card
from hooke.core.reading import check_table, reading
from hooke.core.screen_columns import is_feature_name, with_standard_types

EMBEDDING = "embedding"
STAMP, _FEATURES = "hooke.profiles", "hooke.features"
_VERSION = "1"
SUFFIXES = (".parquet", ".h5ad")  # that profiles are written as


@dataclass(frozen=True)
class Profiles:
    """Vectors and their metadata, row by row.

    Attributes:
        values: (n, d) float32.
        metadata: n rows; the standard columns have the standard types.
        features: d names.
    """

    values: np.ndarray
    metadata: pl.DataFrame
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, np.float32)
        if values.ndim != 2 or values.shape != (len(self.metadata), len(self.features)):
            raise DataError(
                f"profiles of shape {values.shape} do not fit {len(self.metadata)} rows of metadata and "
                f"{len(self.features)} features"
            )
        twice = [name for name in self.features if name in self.metadata.columns]
        if twice or len(set(self.features)) < len(self.features):
            raise DataError(f"feature names must be unique and differ from metadata columns: {twice[:5] or 'repeated'}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "metadata", with_standard_types(self.metadata, "the profiles"))

    @classmethod
    def of_embeddings(cls, values: np.ndarray, metadata: pl.DataFrame) -> Profiles:
        """Profiles whose features have no names of their own: embedding_0, embedding_1, ..."""
        return cls(values, metadata, embedding_names(np.asarray(values).shape[1]))

    def __len__(self) -> int:
        return len(self.values)

    def _repr_html_(self) -> str:
        """For notebooks: the first rows of the metadata."""
        first = self.metadata.head(5)
        title = f"{len(self):,} profiles of {self.dim:,} features"
        return card(
            title, {"features": ", ".join(self.features[:3]) + ", ..." * (self.dim > 3)}, first.columns, first.rows()
        )

    @property
    def dim(self) -> int:
        """Number of features d."""
        return len(self.features)

    def column(self, name: str) -> np.ndarray:
        """A metadata column; strings come with "" where nothing is known.

        Raises:
            UnknownNameError: No such column.
        """
        if name not in self.metadata.columns:
            remedy = "--metadata joins a table that has it, by plate and well"
            if name == "batch":
                remedy = f"--batch names the column of the batches; {remedy}"
            raise UnknownNameError("metadata column", name, self.metadata.columns, remedy=remedy)
        column = self.metadata[name]
        if column.dtype == pl.String:
            return column.fill_null("").to_numpy().astype(str)
        return column.to_numpy()

    def take(self, rows: np.ndarray) -> Profiles:
        """Some rows, by number or by a mask."""
        rows = np.asarray(rows)
        numbers = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        return Profiles(self.values[numbers], self.metadata[numbers], self.features)

    def with_values(self, values: np.ndarray, features: Sequence[str] | None = None) -> Profiles:
        """The same rows with other numbers; unnamed when their count has changed and no names are given."""
        if features is None:
            features = self.features if values.shape[1] == self.dim else embedding_names(values.shape[1])
        return Profiles(values, self.metadata, tuple(features))

    def features_as_metadata(self, names: Sequence[str]) -> Profiles:
        """The same rows with some features as columns of metadata; names that are metadata already stay as they are.

        Raises:
            UnknownNameError: Neither a feature nor a metadata column.
            DataError: No feature is left.
        """
        place = {name: column for column, name in enumerate(self.features)}
        for name in names:
            if name not in place and name not in self.metadata.columns:
                raise UnknownNameError("column", name, [*self.metadata.columns, *self.features])
        moved = [name for name in dict.fromkeys(names) if name in place]
        kept = [column for name, column in place.items() if name not in moved]
        if not kept:
            raise DataError(f"no feature is left beside {', '.join(moved)}")
        columns = [pl.Series(name, self.values[:, place[name]]).fill_nan(None) for name in moved]
        return Profiles(
            self.values[:, kept], self.metadata.with_columns(columns), tuple(self.features[column] for column in kept)
        )

    def write(self, path: Path) -> Path:
        """Write Parquet (or AnnData where the name ends in .h5ad); after a crash the old file or the whole new one is there.

        Features without names of their own become one fixed-size-list column "embedding", named ones a column each.

        Raises:
            UsageError: Another ending.
        """
        path = Path(path)
        if path.suffix == ".h5ad":
            from hooke.cells.annotated import write_h5ad

            return write_h5ad(self, path)
        if path.suffix not in SUFFIXES:
            raise UsageError(f"profiles are written as {' or '.join(SUFFIXES)}, not {path.name}")
        if self.features == embedding_names(self.dim):
            columns = [pl.Series(EMBEDDING, self.values, dtype=pl.Array(pl.Float32, self.dim))]
        else:
            columns = [pl.Series(name, self.values[:, place]) for place, name in enumerate(self.features)]
        about = {STAMP: _VERSION, _FEATURES: json_text(self.features)}
        write_parquet(self.metadata.with_columns(columns), path, about)
        return path

    @classmethod
    def read(cls, path: Path) -> Profiles:
        """Read Parquet or AnnData, ours or others': a fixed-size-list column "embedding", or numeric feature columns.

        Numeric columns are features unless they are standard columns, identifiers or counts of cells; see `core.screen_columns`.

        Raises:
            DataError: The file is missing, damaged, or holds no numbers.
            UsageError: Another ending.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no file {path}")
        if path.suffix == ".h5ad":
            from hooke.cells.annotated import read_h5ad

            return read_h5ad(path)
        if path.suffix != ".parquet":
            raise UsageError(
                f"{path.name}: profiles are read from .parquet or .h5ad here; tables go through cells.files"
            )
        refuse_pointer(path)
        with reading(path, "Parquet"):
            check_table(path)
            check_seal(path)
            table = pl.read_parquet(path)
            about = pl.read_parquet_metadata(path)
        stamp = about.get(STAMP, _VERSION)
        if stamp != _VERSION:
            raise DataError(f"{path} was written by a newer Hooke (profile format {stamp}); this one reads {_VERSION}")
        if _FEATURES in about and EMBEDDING not in table.columns:  # ours: numeric metadata are no features
            features = json.loads(about[_FEATURES])
            return cls(table.select(features).to_numpy(), table.drop(features), tuple(features))
        return split_table(table, str(path))


def embedding_names(count: int) -> tuple[str, ...]:
    """Names of features that have none."""
    return tuple(f"{EMBEDDING}_{place}" for place in range(count))


def feature_places(features: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """(names,) int64 where the named features stand among the given ones.

    Raises:
        DataError: Some are not there; or neither have names of their own (embeddings), and they are not equally many.
    """
    unnamed = tuple(names) == embedding_names(len(names)) and tuple(features) == embedding_names(len(features))
    if unnamed and len(features) != len(names):
        raise DataError(f"these embeddings have {len(features)} numbers, not {len(names)}")
    place = {name: column for column, name in enumerate(features)}
    absent = [name for name in names if name not in place]
    if absent:
        raise DataError(f"{len(absent)} of {len(names)} features are not in this table, such as {absent[0]!r}")
    return np.array([place[name] for name in names], np.int64)


def split_table(table: pl.DataFrame, name: str) -> Profiles:
    """Metadata columns and numbers of one table.

    Raises:
        DataError: It holds no numbers.
    """
    if EMBEDDING in table.columns:
        column = table[EMBEDDING]
        widths = column.list.len().drop_nulls().unique() if isinstance(column.dtype, pl.List) else pl.Series([1])
        if len(widths) != 1 or not isinstance(column.dtype, pl.List | pl.Array):
            raise DataError(f"{name}: the column {EMBEDDING!r} must hold lists of one length")
        if isinstance(column.dtype, pl.List):
            column = column.list.to_array(int(widths[0]))
        return Profiles.of_embeddings(column.to_numpy(), table.drop(EMBEDDING))
    features = [
        column for column, kind in table.schema.items()
        if kind.is_numeric() and is_feature_name(column)
    ]  # fmt: skip
    if not features:
        raise DataError(f"{name} holds no numbers: neither a column {EMBEDDING!r} nor numeric feature columns")
    values = table.select(pl.col(features).cast(pl.Float32).fill_null(float("nan"))).to_numpy()
    return Profiles(values, table.drop(features), tuple(features))


def refuse_pointer(path: Path) -> None:
    """Raise `DataError` when a file is a Git LFS pointer rather than the data it points to."""
    with open(path, "rb") as file:
        if file.read(64).startswith(b"version https://git-lfs"):
            raise DataError(f"{path} is a Git LFS pointer, not the data; fetch it with `git lfs pull`")

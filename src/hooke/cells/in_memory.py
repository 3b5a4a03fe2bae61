"""Wells that stand in memory: `Profiles`, AnnData, and tables of pandas or polars, read alike and given back as what they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.annotated import from_anndata, to_anndata
from hooke.cells.cellprofiler import of_table
from hooke.cells.files import from_cellprofiler, measured, standardised
from hooke.cells.profiles import Profiles, split_table
from hooke.core.errors import UsageError

_NAME = "the table"


@dataclass(frozen=True)
class Given:
    """Wells as they were given, and as profiles.

    Attributes:
        table: As it was given.
        profiles: The rows that hold a number, with standard names of metadata, wells and controls; see `cells.files`.
        rows: (n,) int64, which of the given rows they are.
    """

    table: Any
    profiles: Profiles
    rows: np.ndarray

    @classmethod
    def read(cls, table: Any) -> Given:
        """Profiles of what is given, as a file of it would be read.

        Args:
            table: `Profiles`; AnnData (numbers in X, metadata in obs); or a table of pandas or polars with numeric feature columns, a
                column "embedding" of lists, or CellProfiler's columns.

        Raises:
            UsageError: Something else.
            DataError: It holds no numbers.
        """
        profiles = standardised(_profiles_of(table), _NAME)
        rows = np.flatnonzero(np.isfinite(profiles.values).any(axis=1))
        return cls(table, measured(profiles, _NAME), rows)

    def like(self, profiles: Profiles) -> Any:
        """Profiles made of these as the kind that was given: `Profiles`, AnnData, a pandas or a polars table.

        Where they have the given rows, a pandas table keeps its index, and AnnData its obs_names, obsm, uns and, with the given
        features, layers and var.
        """
        if isinstance(self.table, Profiles):
            return profiles
        same_rows = len(profiles) == len(self.rows)
        if _is_anndata(self.table):
            return self._like_anndata(profiles) if same_rows else to_anndata(profiles)
        columns = dict(zip(profiles.features, profiles.values.T, strict=True))
        made = profiles.metadata.with_columns([pl.Series(name, values) for name, values in columns.items()])
        if not _is_pandas(self.table):
            return made
        found = made.to_pandas()
        return found.set_index(self.table.index[self.rows]) if same_rows else found

    def table_of(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        """Results as a polars table, or a pandas one where the wells came in pandas or AnnData."""
        table = pl.DataFrame(rows, infer_schema_length=None)
        return table.to_pandas() if _is_pandas(self.table) or _is_anndata(self.table) else table

    def _like_anndata(self, profiles: Profiles) -> Any:
        own = self.table[self.rows]
        if profiles.features == tuple(map(str, self.table.var_names)):
            found = own.copy()
            found.X = profiles.values
            return found
        found = to_anndata(profiles, unstructured=dict(own.uns))
        found.obs_names = own.obs_names
        for name, values in own.obsm.items():
            found.obsm[name] = values
        return found


def _is_anndata(table: Any) -> bool:
    return all(hasattr(table, name) for name in ("X", "obs", "obsm", "var_names"))


def _is_pandas(table: Any) -> bool:
    return hasattr(table, "iloc") and hasattr(table, "columns")


def _profiles_of(table: Any) -> Profiles:
    if isinstance(table, Profiles):
        return table
    if _is_anndata(table):
        return from_anndata(table)
    if _is_pandas(table):
        table = _from_pandas(table)
    if not isinstance(table, pl.DataFrame):
        raise UsageError(
            f"wells are Profiles, AnnData, or a table of pandas or polars, not {type(table).__name__}; "
            "files are read by hooke.maps.read"
        )
    if from_cellprofiler(table.columns):
        return of_table(table, _NAME)
    return split_table(table, _NAME)


def _from_pandas(table: Any) -> pl.DataFrame:
    """The columns, and the levels of an index that have names; cells of a column of mixed types become text."""
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    return pl.DataFrame([_series(str(name), table.iloc[:, place]) for place, name in enumerate(table.columns)])


def _series(name: str, column: Any) -> pl.Series:
    values, missing = column.tolist(), column.isna().tolist()
    kept = [None if absent else value for value, absent in zip(values, missing, strict=True)]
    kind = column.dtype
    if isinstance(kind, np.dtype) and kind.kind in "iufb":
        return pl.Series(name, column.to_numpy())
    kinds = {type(value) for value in kept if value is not None}
    if kinds & {list, tuple, np.ndarray}:
        return pl.Series(name, [None if value is None else np.asarray(value, np.float32).tolist() for value in kept])
    if kinds <= {int, float, bool}:
        return pl.Series(name, kept, strict=False)
    return pl.Series(name, [None if value is None else str(value) for value in kept], pl.String)

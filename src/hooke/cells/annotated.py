"""Profiles as AnnData, in memory and as files (.h5ad), with the optional package anndata."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.profiles import Profiles
from hooke.core.checked import check_end, seal_end
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import replacing
from hooke.core.reading import reading, refuse_expansion, refuse_larger
from hooke.core.screen_columns import STANDARD

_LOG = logging.getLogger(__name__)


def to_anndata(profiles: Profiles, *, unstructured: dict[str, Any] | None = None) -> Any:
    """Profiles as AnnData: numbers in X (n, d) float32, metadata in obs, feature names in var.

    Args:
        profiles: What is converted.
        unstructured: Entries of `uns`.

    Raises:
        UsageError: The package anndata is missing.
    """
    anndata = _library()
    import pandas

    columns = {
        name: profiles.column(name)
        if profiles.metadata[name].dtype == pl.String
        else profiles.metadata[name].to_numpy()
        for name in profiles.metadata.columns
    }
    rows = pandas.DataFrame(columns, index=[str(row) for row in range(len(profiles))])
    return anndata.AnnData(
        X=profiles.values, obs=rows, var=pandas.DataFrame(index=list(profiles.features)), uns=unstructured or {}
    )


def from_anndata(table: Any, *, embedding: str | None = None) -> Profiles:
    """AnnData as profiles: the numbers of X, or those of an entry of obsm, with obs as metadata.

    Args:
        table: An `anndata.AnnData`; X may be sparse. Where X is empty and obsm has one entry, that is read.
        embedding: Entry of obsm to take instead of X, such as "X_pca".

    Raises:
        UnknownNameError: obsm has no such entry.
        DataError: X is empty, and obsm does not say what else to read.
    """
    columns = {name: _column(name, table.obs[name]) for name in table.obs.columns}
    metadata = pl.DataFrame(columns) if columns else pl.DataFrame({"item": [str(name) for name in table.obs_names]})
    if embedding is not None:
        if embedding not in table.obsm:
            raise UnknownNameError("entry of obsm", embedding, list(table.obsm))
        return Profiles.of_embeddings(_dense(table.obsm[embedding]), metadata)
    if table.X is None or not table.shape[1]:
        return _of_embedding(table, metadata)
    return Profiles(_dense(table.X), metadata, tuple(str(name) for name in table.var_names))


def write_h5ad(profiles: Profiles, path: Path, *, unstructured: dict[str, Any] | None = None) -> Path:
    """Write profiles as `to_anndata` makes them; the checksum of the file follows its end.

    Args:
        profiles: What is written.
        path: Ends in .h5ad.
        unstructured: Further entries of `uns`.

    Raises:
        UsageError: The package anndata is missing.
    """
    table, path = to_anndata(profiles, unstructured=unstructured), Path(path)
    with replacing(path) as temporary:
        table.write_h5ad(temporary)
        seal_end(temporary)
    return path


def read_h5ad(path: Path) -> Profiles:
    """Read the numbers of X with obs as metadata.

    Raises:
        UsageError: The package anndata is missing.
        DataError: The file is damaged.
    """
    anndata = _library()
    with reading(path, "AnnData"):
        check_end(path)
        _refuse_large(path)
        return from_anndata(anndata.read_h5ad(path))


def _refuse_large(path: Path) -> None:
    """Refuse a file whose data sets declare out of proportion to its size, before memory is taken for them."""
    import h5py

    declared: list[float] = []

    def add(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            declared.append(float(item.size or 0) * max(item.dtype.itemsize, 8))
            refuse_larger(max((math.prod(item.chunks or ()) * item.dtype.itemsize), 0), f"a chunk of {path}")

    with h5py.File(path, "r") as file:
        file.visititems(add)
    refuse_expansion(path, sum(declared))


def _of_embedding(table: Any, metadata: pl.DataFrame) -> Profiles:
    """The one embedding in obsm, where X is empty."""
    names = list(table.obsm)
    if len(names) != 1:
        raise DataError(f"X is empty; obsm has {', '.join(names) or 'nothing'}: copy the one to read into X")
    _LOG.warning("X is empty; the embedding obsm[%r] is read", names[0])
    return Profiles.of_embeddings(_dense(table.obsm[names[0]]), metadata)


def _dense(values: Any) -> np.ndarray:
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


def _column(name: str, column: Any) -> pl.Series:
    """A column of obs; nullable ones have nulls, categories and texts are text."""
    kind = column.dtype.kind if hasattr(column.dtype, "kind") else "O"
    if kind in "iufb" and STANDARD.get(name) != pl.String:
        if isinstance(column.dtype, np.dtype):
            return pl.Series(name, column.to_numpy())
        return pl.Series(
            name, [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
        )
    texts = [None if missing else str(value) for value, missing in zip(column.tolist(), column.isna(), strict=True)]
    return pl.Series(name, texts, pl.String)


def _library() -> Any:
    try:
        import anndata
    except ImportError as error:
        raise UsageError("AnnData files need the package anndata: pip install 'hooke-bio[cells]'") from error
    return anndata

"""Profiles as AnnData files (.h5ad), with the optional package anndata."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.profiles import STANDARD, Profiles
from hooke.core.checked import check_end, seal_end
from hooke.core.errors import UsageError
from hooke.core.files import replacing
from hooke.core.reading import reading, refuse_expansion, refuse_larger


def write_h5ad(profiles: Profiles, path: Path, *, unstructured: dict[str, Any] | None = None) -> Path:
    """Write profiles: numbers in X, metadata in obs, feature names in var; the checksum of the file follows its end.

    Args:
        profiles: What is written.
        path: Ends in .h5ad.
        unstructured: Further entries of `uns`.

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
    path = Path(path)
    table = anndata.AnnData(
        X=profiles.values, obs=rows, var=pandas.DataFrame(index=list(profiles.features)), uns=unstructured or {}
    )
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
        return _profiles_of(anndata.read_h5ad(path))


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


def _profiles_of(table: Any) -> Profiles:
    values = table.X.toarray() if hasattr(table.X, "toarray") else np.asarray(table.X)
    columns = {}
    for name in table.obs.columns:
        column = table.obs[name]
        numeric = column.dtype.kind in "iufb" and STANDARD.get(name) != pl.String
        columns[name] = column.to_numpy() if numeric else column.astype(object).fillna("").astype(str).to_list()
    metadata = pl.DataFrame(columns) if columns else pl.DataFrame({"item": [str(name) for name in table.obs_names]})
    return Profiles(values, metadata, tuple(str(name) for name in table.var_names))


def _library() -> Any:
    try:
        import anndata
    except ImportError as error:
        raise UsageError("AnnData files need the package anndata: pip install 'hooke-bio[cells]'") from error
    return anndata

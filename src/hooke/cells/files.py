"""Profiles from whatever they come in: stores, Parquet, AnnData, CellProfiler tables, DeepProfiler folders."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from hooke.cells.cellprofiler import COMPARTMENTS, read_cellprofiler, read_deepprofiler, read_table
from hooke.cells.profiles import STAMP, Profiles, split_table, with_standard_types
from hooke.cells.store import ProfileStore, is_store
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.reading import check_table, reading

_LOG = logging.getLogger(__name__)
REASON = "reason"  # column of `hooke embed`: why a row has no vector
_TABLES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


def read_profiles(path: Path, metadata: Path | None = None) -> Profiles:
    """Read profiles, and join a table of metadata where one is given.

    Args:
        path: A profile store, .parquet, .h5ad, a table (of CellProfiler, or with named columns), or a folder of DeepProfiler fields.
        metadata: A table whose columns are joined by those that both have.

    Raises:
        DataError: Missing or damaged.
        UsageError: An ending that is none of these, or no column in common.
    """
    path = Path(path)
    with reading(path, "profiles"):
        profiles = _read(path)
        return profiles if metadata is None else join_metadata(profiles, metadata)


def _read(path: Path) -> Profiles:
    if is_store(path):
        profiles = ProfileStore.open(path).profiles()
    elif path.is_dir():
        files = sorted(path.rglob("*.npz"))
        if not files:
            raise DataError(
                f"the folder {path} holds neither a store nor DeepProfiler fields (<plate>/<well>_<site>.npz)"
            )
        profiles = read_deepprofiler(files)
    elif path.name.lower().endswith(_TABLES):
        profiles = _read_table(path)
    elif path.suffix == ".parquet" and _is_cellprofiler(path):
        profiles = read_cellprofiler(path)
    elif path.suffix in (".parquet", ".h5ad"):
        profiles = Profiles.read(path)
    else:
        raise UsageError(
            f"{path.name}: profiles are read from .parquet, .h5ad, {', '.join(_TABLES)}, a store or a folder of npz files"
        )
    return profiles


def read_measured(path: Path, metadata: Path | None = None) -> Profiles:
    """`read_profiles` without the rows that hold no number; see `measured`."""
    return measured(read_profiles(path, metadata), Path(path).name)


def measured(profiles: Profiles, name: str) -> Profiles:
    """The rows that hold any number. Others, such as wells that could not be embedded, are counted in a warning.

    The column `reason` of `hooke embed` is left out: no row is left that has one.

    Args:
        profiles: As they were read.
        name: Of their file, for the warning.

    Raises:
        DataError: No row holds a number.
    """
    kept = np.isfinite(profiles.values).any(axis=1)
    if not kept.any():
        raise DataError(f"{name}: none of the {len(kept):,} rows holds a number")
    if not kept.all():
        why = ""
        if REASON in profiles.metadata.columns:
            counts = Counter(profiles.column(REASON)[~kept].tolist()).most_common(3)
            why = ": " + ", ".join(f"{count:,} × {reason or 'no reason given'}" for reason, count in counts)
        _LOG.warning(
            "%s: %s of %s rows hold no number and are left out%s", name, f"{(~kept).sum():,}", f"{len(kept):,}", why
        )
        profiles = profiles.take(kept)
    if REASON in profiles.metadata.columns and profiles.metadata[REASON].is_null().all():
        profiles = Profiles(profiles.values, profiles.metadata.drop(REASON), profiles.features)
    return profiles


def join_metadata(profiles: Profiles, path: Path) -> Profiles:
    """Add the columns of a table, joined by all columns that both have.

    Raises:
        DataError: The table is missing or damaged, or has several rows for one key.
        UsageError: No column in common.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no metadata table {path}")
    with reading(path, "a table"):
        check_table(path)
        if path.suffix == ".parquet":
            table = pl.read_parquet(path)
        else:
            table = pl.read_csv(path, separator="\t" if ".tsv" in path.name else ",", infer_schema_length=None)
    keys = [name for name in table.columns if name in profiles.metadata.columns]
    if not keys:
        raise UsageError(
            f"{path.name} and the profiles share no column; theirs: {', '.join(table.columns[:8])}; "
            f"the profiles': {', '.join(profiles.metadata.columns[:8])}"
        )
    table = with_standard_types(table).with_columns(pl.col(name).cast(profiles.metadata[name].dtype) for name in keys)
    if table.select(keys).is_duplicated().any():
        raise DataError(f"{path.name} has several rows for one {' + '.join(keys)}")
    joined = profiles.metadata.join(table, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return Profiles(profiles.values, joined, profiles.features)


def file_hash(path: Path) -> str:
    """Hash of a file, or of all files of a folder with their names.

    Raises:
        DataError: There is no such file or folder.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return content_hash([[file.relative_to(path).as_posix(), file_sha256(file)] for file in files])
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    return file_sha256(path)


def _read_table(path: Path) -> Profiles:
    columns = read_table(path, rows=0).columns
    own = ("Metadata_", "ImageNumber", "ObjectNumber")  # of CellProfiler, whatever the features are called
    if any(name.startswith(COMPARTMENTS) or any(part in name for part in own) for name in columns):
        return read_cellprofiler(path)
    return split_table(read_table(path), str(path))


def _is_cellprofiler(path: Path) -> bool:
    """Whether a Parquet file, which Hooke did not write, has features of compartments."""
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    with reading(path, "Parquet"):
        ours = STAMP in pl.read_parquet_metadata(path)
        return not ours and any(name.startswith(COMPARTMENTS) for name in pl.read_parquet_schema(path))

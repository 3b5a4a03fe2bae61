"""Profiles from whatever they come in: stores, Parquet, AnnData, CellProfiler tables, DeepProfiler folders."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from hooke.cells.cellprofiler import COMPARTMENTS, read_cellprofiler, read_deepprofiler, read_table
from hooke.cells.profiles import STAMP, Profiles, split_table
from hooke.cells.store import ProfileStore, is_store
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.reading import check_text_table, reading
from hooke.core.screen_columns import with_controls, with_standard_names, with_standard_types
from hooke.core.text_tables import read_text_table
from hooke.core.well_names import is_well, match_plates, same_well

_LOG = logging.getLogger(__name__)
REASON = "reason"  # column of `hooke embed`: why a row has no vector
_PLACES = ("experiment", "plate", "well", "site")
_STRUCTURES = ("compound", "smiles")
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
        if is_store(path) and metadata is None:
            return profiles
        profiles = standardised(profiles, path.name)
        return profiles if metadata is None else join_metadata(profiles, metadata)


def standardised(profiles: Profiles, name: str) -> Profiles:
    """Profiles whose metadata have standard names, well names and controls; a map, whose rows are no wells, as it is."""
    if "entity" in profiles.metadata.columns:
        return profiles
    table = with_standard_names(profiles.metadata, source=name)
    table = with_controls(with_standard_types(table, name), name)
    if "well" in table.columns:
        table = table.with_columns(_wells(table["well"]))
    return Profiles(profiles.values, table, profiles.features)


def _wells(names: pl.Series) -> pl.Series:
    """Names of wells as they are usually written; what is no name of a well stays as it is."""
    return pl.Series(
        names.name, [same_well(name) if name and is_well(name) else name for name in names.to_list()], pl.String
    )


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
    wrong = ~np.isfinite(profiles.values)
    if wrong.any():
        row, column = (int(place[0]) for place in np.nonzero(wrong))
        where = "/".join(
            str(profiles.metadata[key][row]) for key in ("plate", "well") if key in profiles.metadata.columns
        )
        _LOG.warning(
            "%s: %s values in %s features and %s rows are missing or infinite, the first in %s%s", name, f"{int(wrong.sum()):,}",
            f"{int(wrong.any(axis=0).sum()):,}", f"{int(wrong.any(axis=1).sum()):,}", profiles.features[column], f" of {where}" if where else "",
        )  # fmt: skip
    if REASON in profiles.metadata.columns and profiles.metadata[REASON].is_null().all():
        profiles = Profiles(profiles.values, profiles.metadata.drop(REASON), profiles.features)
    return profiles


def join_metadata(profiles: Profiles, path: Path) -> Profiles:
    """Add the columns of a table, joined by experiment, plate, well and site where both have wells, else by all columns that both have.

    Wells and plates are joined however they are written ("a1" and "A01"; "1" and "Plate1" where that is clear). Rows of either side that
    find none of the other are counted in a warning. What both sides say is taken from the table.

    Raises:
        DataError: The table is missing or damaged, has several rows for one key, or none for any row.
        UsageError: No column in common.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no metadata table {path}")
    table = with_standard_names(read_text_table(path), source=path.name)
    table = with_standard_types(table, path.name)
    described = profiles.metadata
    if "entity" not in described.columns:
        described = with_standard_names(described)
    common = [name for name in table.columns if name in described.columns]
    keys = [name for name in common if name in _PLACES] if "well" in common else common
    if not keys:
        raise UsageError(
            f"{path.name} and the profiles share no column; theirs: {', '.join(table.columns[:8])}; "
            f"the profiles': {', '.join(described.columns[:8])}"
        )
    left, right = _keyed(described, keys), _keyed(table, keys)
    if "plate" in keys:
        same = match_plates(
            right["plate"].unique().drop_nulls().to_list(), left["plate"].unique().drop_nulls().to_list()
        )
        right = right.with_columns(pl.col("plate").replace(same))
    if right.is_duplicated().any():
        raise DataError(f"{path.name} has several rows for one {' + '.join(keys)}")
    rows = right.with_row_index("_row")
    found = left.join(rows, on=keys, how="left", maintain_order="left", nulls_equal=True)["_row"]
    _say_unmatched(path.name, left, right, found, keys)
    others = table.drop(keys).with_row_index("_row")
    added = found.to_frame().join(others, on="_row", how="left", maintain_order="left").drop("_row")
    joined = described.drop(name for name in added.columns if name in described.columns).hstack(added)
    return standardised(Profiles(profiles.values, joined, profiles.features), path.name)


def _keyed(table: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The columns to join by, as text, wells in their usual names."""
    texts = table.select(pl.col(name).cast(pl.String).str.strip_chars() for name in keys)
    return texts.with_columns(_wells(texts["well"])) if "well" in keys else texts


def _say_unmatched(name: str, left: pl.DataFrame, right: pl.DataFrame, found: pl.Series, keys: list[str]) -> None:
    def example(table: pl.DataFrame) -> str:
        return "/".join(str(value) for value in table.row(0))

    without = left.filter(found.is_null())
    unused = right.filter(~pl.Series(range(len(right)), dtype=pl.UInt32).is_in(found.drop_nulls().implode()))
    if len(without) == len(left):
        raise DataError(
            f"{name}: none of its {len(right):,} rows has a {' + '.join(keys)} of the profiles: theirs are such as "
            f"{example(unused) if len(unused) else 'none'}, the profiles' {example(without)}"
        )
    if len(without):
        _LOG.warning(
            "%s: %s of %s profiles have no row in it, such as %s",
            name,
            f"{len(without):,}",
            f"{len(left):,}",
            example(without),
        )
    if len(unused):
        _LOG.warning(
            "%s: %s of its %s rows have no profile, such as %s",
            name,
            f"{len(unused):,}",
            f"{len(right):,}",
            example(unused),
        )


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


def read_structures(path: Path) -> dict[str, str]:
    """Compound → SMILES, of a table with the columns compound and smiles; rows without one of both are nothing.

    Raises:
        DataError: It is missing, damaged, or has no such columns.
    """
    path = Path(path)
    with reading(path, "a table of structures"):
        check_text_table(path)
        table = pl.read_csv(path, separator="\t" if path.suffix == ".tsv" else ",", infer_schema=False)
    if not set(_STRUCTURES) <= set(table.columns):
        raise DataError(f"{path} has no columns compound and smiles; there are: {', '.join(table.columns[:8])}")
    return dict(table.select(_STRUCTURES).drop_nulls().iter_rows())


def _read_table(path: Path) -> Profiles:
    if from_cellprofiler(read_table(path, rows=0).columns):
        return read_cellprofiler(path)
    return split_table(read_table(path), str(path))


def from_cellprofiler(columns: Sequence[str]) -> bool:
    """Whether a table with these columns was written by CellProfiler, or made from its tables."""
    own = ("Metadata_", "ImageNumber", "ObjectNumber")  # whatever the features are called
    return any(name.startswith(COMPARTMENTS) or any(part in name for part in own) for name in columns)


def _is_cellprofiler(path: Path) -> bool:
    """Whether a Parquet file, which Hooke did not write, has features of compartments."""
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    with reading(path, "Parquet"):
        ours = STAMP in pl.read_parquet_metadata(path)
        return not ours and any(name.startswith(COMPARTMENTS) for name in pl.read_parquet_schema(path))

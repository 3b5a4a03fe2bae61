"""Tables of CellProfiler and features of DeepProfiler, single cells or wells, as profiles.

CellProfiler: features begin with a compartment (`Cells_`, `Cytoplasm_`, `Nuclei_`) where the compartments were merged; in the table of
one compartment they are all numbers but the counters. Metadata columns contain `Metadata_`. DeepProfiler: an npz file a field,
<plate>/<well>_<site>.npz; its metadata entry is a pickle and is never read, an index table can say more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from hooke.cells.profiles import Profiles, embedding_names, refuse_pointer
from hooke.core.errors import DataError
from hooke.core.reading import open_arrays, reading
from hooke.core.screen_columns import (
    QUALITY,
    STANDARD,
    is_feature_name,
    with_controls,
    with_standard_names,
    with_standard_types,
)  # fmt: skip
from hooke.core.text_tables import read_text_table

COMPARTMENTS = ("Cells_", "Cytoplasm_", "Nuclei_")
_COUNTERS = re.compile(r"^(ImageNumber|ObjectNumber|TableNumber|Number_.*|Parent_.*|Children_.*|)$")
_KEYS = ("ImageNumber", "ObjectNumber")
_NUMBERS = {name for name, kind in STANDARD.items() if kind != pl.String} | {*QUALITY, "count_cells", "object_count"}
_LOG = logging.getLogger(__name__)


def read_cellprofiler(
    path: Path | Mapping[str, Path], *, images: Path | None = None, rename: Mapping[str, str] | None = None
) -> Profiles:
    """Read a table of cells or wells (CSV, TSV, Parquet, gzipped or not), or the tables of the compartments.

    Args:
        path: One table; or compartment ("Cells") -> its table, joined by ImageNumber and ObjectNumber.
        images: CellProfiler's Image table, whose metadata join by ImageNumber.
        rename: Column -> standard name, before the usual names are looked for.

    Raises:
        DataError: A file is missing, damaged, or holds no features; tables whose objects do not match.
    """
    if isinstance(path, Mapping):
        table, label = _joined(path), ", ".join(str(part) for part in path.values())
    else:
        table, label = read_table(Path(path)), str(path)
    if images is not None:
        about = read_table(images)
        kept = ["ImageNumber", *(name for name in about.columns if "Metadata_" in name)]
        if "ImageNumber" not in about.columns or "ImageNumber" not in table.columns:
            raise DataError(f"{images} and {label} need a column ImageNumber to be joined by")
        table = table.join(about.select(kept), on="ImageNumber", how="left", maintain_order="left")
    return of_table(table, label, rename)


def of_table(table: pl.DataFrame, label: str, rename: Mapping[str, str] | None = None) -> Profiles:
    """A table of CellProfiler in memory as profiles.

    Args:
        table: With its columns.
        label: Its name in messages.
        rename: Column -> standard name, before the usual names are looked for.

    Raises:
        DataError: It holds no features.
    """
    table = _numbers(table, label)
    numeric = [name for name, kind in table.schema.items() if kind.is_numeric()]
    features = [name for name in numeric if name.startswith(COMPARTMENTS) and "Metadata" not in name]
    if not features:
        features = [
            name for name in numeric
            if not _COUNTERS.match(name) and "Metadata" not in name and not name.startswith(("Image_", "ExecutionTime", "ModuleError"))
        ]  # fmt: skip
    if not features:
        raise DataError(
            f"{label} holds no features: no numbers in columns of {', '.join(COMPARTMENTS)} nor other numbers"
        )
    values = table.select(pl.col(features).cast(pl.Float32, strict=False).fill_null(float("nan"))).to_numpy()
    return Profiles(values, _metadata(table, features, rename or {}), tuple(features))


def read_deepprofiler(paths: Sequence[Path], *, index: Path | None = None) -> Profiles:
    """Read fields of DeepProfiler, one row a cell; plate, well and site come from the names of the files.

    Args:
        paths: npz files named <plate>/<well>_<site>.npz.
        index: Table with Metadata_Plate, Metadata_Well, Metadata_Site and more, joined where given.

    Raises:
        DataError: A file is damaged, named otherwise, or of another width.
    """
    values, rows = [], []
    for path in map(Path, paths):
        named = re.match(r"^(?P<well>[A-Za-z]+\d+)_(?P<site>\d+)$", path.stem)
        if not named:
            raise DataError(f"{path.name} is not named <well>_<site>.npz, as DeepProfiler does")
        with reading(path, "features of DeepProfiler"), open_arrays(path) as file:
            found = np.asarray(file["features"], np.float32)
            values.append(found.reshape(-1, found.shape[-1]))
        entry = {"plate": path.parent.name, "well": named["well"], "site": int(named["site"])}
        rows += [entry] * len(values[-1])
    widths = {block.shape[1] for block in values}
    if len(widths) != 1:
        raise DataError(f"the files hold features of {sorted(widths) or 'no'} widths; one model at a time")
    metadata = pl.DataFrame(rows)
    if index is not None:
        table = read_table(index)
        about = _metadata(table, [], {}).with_columns(
            pl.col("site").cast(pl.Int64), pl.col("plate", "well").cast(pl.String)
        )
        metadata = metadata.join(about, on=["plate", "well", "site"], how="left", maintain_order="left")
    return Profiles(np.concatenate(values), metadata, embedding_names(widths.pop()))


def _numbers(table: pl.DataFrame, label: str) -> pl.DataFrame:
    """Columns of features that a few cells of text have turned into text, as numbers again; such cells are missing, and said."""
    lost: dict[str, tuple[int, str]] = {}
    for name, kind in table.schema.items():
        if kind != pl.String or not name.startswith(COMPARTMENTS) or "Metadata" in name:
            continue
        numbers = table[name].str.strip_chars().cast(pl.Float64, strict=False)
        wrong = table[name].filter(numbers.is_null() & table[name].is_not_null())
        if len(wrong) * 2 > len(table) - table[name].null_count():
            continue
        if len(wrong):
            lost[name] = (len(wrong), wrong[0])
        table = table.with_columns(numbers)
    if lost:
        cells = ", ".join(f"{count} x {text!r} in {name}" for name, (count, text) in list(lost.items())[:5])
        _LOG.warning("%s: cells that are no numbers count as missing in %d features: %s", label, len(lost), cells)
    return table


def read_table(path: Path, rows: int | None = None) -> pl.DataFrame:
    """A table of whatever kind, or its first rows; plates, wells and other metadata stay text.

    Raises:
        DataError: It is missing, damaged, or a Git LFS pointer.
    """
    path = Path(path)
    if path.is_file():
        refuse_pointer(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        return read_text_table(path, rows)
    columns = read_text_table(path, 0).columns
    texts = [
        name
        for name in columns
        if not name.startswith(COMPARTMENTS) and not is_feature_name(name) and name not in _KEYS
    ]
    numbers = {
        name for name in texts if name.rsplit("Metadata_", 1)[-1].lower() in _NUMBERS or name.lower() in _NUMBERS
    }
    return read_text_table(path, rows, types={name: pl.String for name in texts if name not in numbers})


def _joined(paths: Mapping[str, Path]) -> pl.DataFrame:
    tables = []
    for compartment, path in paths.items():
        table = read_table(path)
        missing = [key for key in _KEYS if key not in table.columns]
        if missing:
            raise DataError(f"{path} lacks {', '.join(missing)}, by which compartments are joined")
        others = {
            name: f"{compartment}_{name}" for name in table.columns if name not in _KEYS and "Metadata_" not in name
        }
        tables.append(table.rename(others))
    first = tables[0]
    for table, path in zip(tables[1:], list(paths.values())[1:], strict=True):
        before = len(first)
        first = first.join(table, on=list(_KEYS), how="inner", suffix="_again", maintain_order="left")
        if len(first) != before or len(table) != before:
            raise DataError(f"{path} has {len(table)} objects, {len(first)} of them match the {before} before it")
    return first.drop([name for name in first.columns if name.endswith("_again")])


def _metadata(table: pl.DataFrame, features: Sequence[str], rename: Mapping[str, str]) -> pl.DataFrame:
    """Columns that describe, standard ones under their names."""
    taken = set(features)
    described = table.select(
        [
            name for name in table.columns
            if name not in taken and (name in rename or "Metadata_" in name or name in _KEYS or not is_feature_name(name))
        ]
    )  # fmt: skip
    described = with_standard_names(described, rename)
    if described.columns:
        described = with_controls(with_standard_types(described, "the table"), "the table")
    if not described.columns:
        described = pl.DataFrame({"row_number": np.arange(len(table))})
    return described

"""Tables of CellProfiler and features of DeepProfiler, single cells or wells, as profiles.

CellProfiler: features begin with a compartment (`Cells_`, `Cytoplasm_`, `Nuclei_`) where the compartments were merged; in the table of
one compartment they are all numbers but the counters. Metadata columns contain `Metadata_`. DeepProfiler: an npz file a field,
<plate>/<well>_<site>.npz; its metadata entry is a pickle and is never read, an index table can say more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from hooke.cells.profiles import Profiles, embedding_names, refuse_pointer
from hooke.core.errors import DataError
from hooke.core.reading import check_table, open_arrays, reading

COMPARTMENTS = ("Cells_", "Cytoplasm_", "Nuclei_")
STANDARD_NAMES = {
    "Batch": "batch", "Experiment": "experiment", "Plate": "plate", "Well": "well", "Site": "site", "gene": "gene", "Gene": "gene",
    "Symbol": "gene", "guide": "guide", "compound": "compound", "Compound": "compound", "broad_sample": "perturbation",
    "JCP2022": "perturbation", "perturbation": "perturbation", "pert_iname": "compound", "cell_line": "cell_type",
    "Cell_Line": "cell_type", "concentration_um": "concentration_um", "mmoles_per_liter": "concentration_um", "control": "control",
}  # fmt: skip
CONTROL_WORDS = {
    "negcon": "negative",
    "negative": "negative",
    "control": "negative",
    "poscon": "positive",
    "positive": "positive",
}
_COUNTERS = re.compile(r"^(ImageNumber|ObjectNumber|TableNumber|Number_.*|Parent_.*|Children_.*|)$")
_KEYS = ("ImageNumber", "ObjectNumber")


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


def read_table(path: Path, rows: int | None = None) -> pl.DataFrame:
    """A table of whatever kind, or its first rows.

    Raises:
        DataError: It is missing, damaged, or a Git LFS pointer.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no table {path}")
    refuse_pointer(path)
    with reading(path, "a table"):
        check_table(path)
        if path.suffix == ".parquet":
            table = pl.read_parquet(path, n_rows=rows)
        else:
            separator = "\t" if any(part in path.name for part in (".tsv", ".txt")) else ","
            table = pl.read_csv(
                path, separator=separator, infer_schema_length=None, null_values=["", "nan", "NaN", "NA"], n_rows=rows
            )
    return table


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
            if name not in taken and (name in rename or "Metadata_" in name or name in _KEYS)
        ]
    )  # fmt: skip
    names: dict[str, str] = {}
    for name in described.columns:
        short = re.sub(r"^.*Metadata_", "", name)
        standard = rename.get(name) or STANDARD_NAMES.get(short) or STANDARD_NAMES.get(re.sub(r"_[xy]$", "", short))
        if standard and standard not in names.values() and standard not in described.columns:
            names[name] = standard
    described = described.rename(names)
    kind = next(
        (name for name in described.columns if name.endswith(("Metadata_pert_type", "Metadata_control_type"))), None
    )
    if kind is not None and "control" not in described.columns:
        words = described[kind].cast(pl.String).fill_null("")
        described = described.with_columns(words.replace_strict(CONTROL_WORDS, default="").alias("control"))
    if not described.columns:
        described = pl.DataFrame({"row_number": np.arange(len(table))})
    return described

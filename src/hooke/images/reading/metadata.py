"""What is known about each field: standard columns, the names they have elsewhere, and joining a table to the images.

Standard columns: experiment, plate, well, site, row, column, batch, cell_type, perturbation, perturbation_type ("gene",
"compound" or "none"), gene, guide, compound, concentration_um, control ("negative", "positive" or ""). All others are kept
as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.screen_columns import STANDARD, with_controls, with_standard_names, with_standard_types
from hooke.core.text_tables import read_text_table
from hooke.core.well_names import is_well, match_plates, same_well, well_position

KEYS = ("experiment", "plate", "well", "site")
NAMED = ("experiment", "plate")
TYPE_WORDS = {
    "crispr": "gene", "gene": "gene", "sirna": "gene", "orf": "gene", "compound": "compound", "none": "none", "": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """Something that is left out of a store, and why; the rows of `rejected.parquet`."""

    experiment: str
    plate: str
    well: str
    site: int | None
    channel: str
    path: str
    kind: str
    reason: str


def refused_table(refused: list[Refused]) -> pl.DataFrame:
    """The table of what was refused."""
    schema = {name: pl.Int64 if name == "site" else pl.String for name in Refused.__dataclass_fields__}
    return pl.DataFrame([asdict(entry) for entry in refused], schema=schema)


def read_metadata(path: Path, rename: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Read a metadata table (CSV, TSV, Parquet, or these gzipped) with its columns under standard names.

    Args:
        path: The table.
        rename: Column -> standard name, before the usual other names are looked for; see `core.screen_columns`.

    Raises:
        DataError: The file is missing or damaged, or names no wells.
        UnknownNameError: A column to rename that is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no metadata table {path}")
    return standard_names(read_text_table(path), rename, path.name)


def standard_names(
    table: pl.DataFrame, rename: Mapping[str, str] | None = None, source: str = "the table"
) -> pl.DataFrame:
    """A table with its columns under standard names, its wells, controls and types in standard words.

    Raises:
        DataError: It names no wells, has a word for controls that is not known, or cells that do not fit a standard column.
        UnknownNameError: A column to rename that is not there, or an unknown type of perturbation.
    """
    if (
        "Metadata_Batch" in table.columns
        and "experiment" not in table.columns
        and "Metadata_Batch" not in (rename or {})
    ):
        rename = {**(rename or {}), "Metadata_Batch": "experiment"}  # of JUMP-CP
    table = with_standard_names(table, rename, source)
    if "well" not in table.columns:
        raise DataError(
            f"{source} has no column 'well' (or address, Metadata_Well); its columns are {table.columns[:20]}"
        )
    table = with_controls(with_standard_types(table, source), source)
    if "perturbation_type" in table.columns:
        table = table.with_columns(_words(table["perturbation_type"], TYPE_WORDS, source))
    wells = table["well"].fill_null("").to_list()
    places = [well_position(name) if is_well(name) else (None, None) for name in wells]
    return table.with_columns(
        pl.Series("row", [row for row, _ in places], pl.Int64),
        pl.Series("column", [column for _, column in places], pl.Int64),
        pl.Series("well", [same_well(name) if is_well(name) else name for name in wells], pl.String),
    )


def _words(values: pl.Series, words: Mapping[str, str], source: str) -> pl.Series:
    given = [(value or "").strip().lower() for value in values.to_list()]
    for word in set(given):
        if word not in words:
            raise UnknownNameError(
                f"word in column {values.name!r} of {source}", word, [name for name in words if name]
            )
    return pl.Series(values.name, [words[word] for word in given], pl.String)


def complete(table: pl.DataFrame) -> pl.DataFrame:
    """A table of fields with every standard column, in order, and the others after them.

    A missing batch is the experiment, or the plate where experiments have no names. A missing type follows from gene and
    compound.
    """
    table = table.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in STANDARD.items() if name not in table.columns
    )
    by_plate = (table["experiment"].fill_null("") == "").all()
    batch = pl.coalesce(pl.col("batch"), pl.col("plate" if by_plate else "experiment"), pl.lit(""))
    kind = (
        pl.when(pl.col("perturbation_type").is_not_null())
        .then(pl.col("perturbation_type"))
        .when(pl.col("gene").fill_null("") != "")
        .then(pl.lit("gene"))
        .when(pl.col("compound").fill_null("") != "")
        .then(pl.lit("compound"))
        .otherwise(pl.lit("none"))
    )
    table = table.with_columns(batch.alias("batch"), kind.alias("perturbation_type"), pl.col("control").fill_null(""))
    return table.select(*STANDARD, *(name for name in table.columns if name not in STANDARD))


def join_metadata(sites: pl.DataFrame, table: pl.DataFrame | None) -> tuple[pl.DataFrame, list[Refused]]:
    """What is known about each field that has images.

    The two are joined by those of experiment, plate, well and site that both have. Where the images' names say nothing about
    experiment or plate, the table does.

    Args:
        sites: The fields (experiment, plate, well, site) that have images.
        table: As of `read_metadata`; None when there is none.

    Returns:
        fields: The fields that can be used, sorted, with all standard columns, and with what the images' names say in
            `named_experiment` and `named_plate`.
        refused: Fields without a row, rows without images, and wells that rows contradict each other about.
    """
    sites = sites.with_columns(pl.col(key).alias(f"named_{key}") for key in NAMED)
    if table is None:
        return complete(_placed(sites)).sort(KEYS), []
    keys = [key for key in KEYS if key in table.columns and (key == "site" or (sites[key] != "").any())]
    if "site" in keys and table["site"].null_count() == len(table):
        keys.remove("site")
    sites = sites.drop(key for key in NAMED if key in table.columns and key not in keys)
    if "site" not in keys:
        table = table.drop("site", strict=False)
    table = table.with_columns(pl.col(key).fill_null("") for key in NAMED if key in table.columns)
    nowhere = table.filter(pl.col("row").is_null())
    table = table.filter(pl.col("row").is_not_null())
    for key in NAMED:
        if key in keys:
            same = match_plates(table[key].unique().to_list(), sites[key].unique().to_list())
            table = table.with_columns(pl.col(key).replace(same))
    table = table.unique(maintain_order=True)
    twice = table.group_by(keys).len().filter(pl.col("len") > 1)
    refused = [
        _refused(row, "duplicate", f"{row['len']} rows of the metadata table contradict each other about this well")
        for row in twice.sort(keys).iter_rows(named=True)
    ]
    refused += [
        _refused(
            row,
            "no_well",
            f"the metadata table has a row for {row['well'] or 'no well'!r}, which is not a name of a well",
        )
        for row in nowhere.iter_rows(named=True)
    ]
    table = table.join(twice, on=keys, how="anti")
    sites = sites.join(twice, on=keys, how="anti")
    without = sites.join(table, on=keys, how="anti").sort(key for key in KEYS if key in sites.columns)
    refused += [
        _refused(row, "no_metadata", "the metadata table has no row for this field")
        for row in without.iter_rows(named=True)
    ]
    unseen = table.join(sites, on=keys, how="anti").sort(keys)
    refused += [
        _refused(row, "no_images", "the metadata table has this row, but there are no images")
        for row in unseen.iter_rows(named=True)
    ]
    fields = sites.join(table.drop("row", "column"), on=keys, how="inner")
    return complete(_placed(fields)).sort(KEYS), refused


def _placed(sites: pl.DataFrame) -> pl.DataFrame:
    places = [well_position(name) for name in sites["well"].to_list()]
    return sites.with_columns(
        pl.Series("row", [row for row, _ in places], pl.Int64),
        pl.Series("column", [column for _, column in places], pl.Int64),
    )


def _refused(row: Mapping[str, object], kind: str, reason: str) -> Refused:
    site = row.get("site")
    texts = {name: str(row.get(name) or "") for name in ("experiment", "plate", "well")}
    return Refused(**texts, site=site if isinstance(site, int) else None, channel="", path="", kind=kind, reason=reason)

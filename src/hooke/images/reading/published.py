"""The metadata tables of published screens under standard names, and the published split of RxRx1."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hooke.core.errors import DataError
from hooke.core.files import link_to
from hooke.core.reading import check_table, reading
from hooke.images.reading.metadata import read_metadata

RXRX_CHANNELS = ("DNA", "ER", "Actin", "RNA", "Mito", "Golgi")
RXRX_EMPTY = "EMPTY_control"
SPLITS = ("train", "val", "test", "id_test")


def rxrx1_metadata(path: Path) -> pl.DataFrame:
    """The table of RxRx1 with a column `split` as in `wilds_split`; siRNAs are perturbations of type "gene".

    Raises:
        DataError: The table lacks a column of RxRx1.
    """
    table = read_metadata(path)
    _require(table, ("experiment", "plate", "site", "cell_type", "dataset", "perturbation", "control"), path)
    negative = pl.col("control") == "negative"
    kind = pl.when(negative).then(pl.lit("none")).otherwise(pl.lit("gene")).alias("perturbation_type")
    guide = pl.when(negative).then(None).otherwise(pl.col("perturbation")).alias("guide")
    return wilds_split(table.with_columns(kind, guide))


def wilds_split(table: pl.DataFrame) -> pl.DataFrame:
    """Add the column `split` of the RxRx1 task of WILDS: train, val, test (other experiments), id_test.

    Site 1 of the training experiments is for training, their other sites are the test within the distribution. Where the
    column `dataset` already tells val from test, it is followed. Else the first test experiment of each cell type becomes
    validation. Without that column, the last experiment of each cell type is the test, the one before it validation.

    Args:
        table: Fields with the columns experiment, cell_type, site and perhaps dataset.

    Source: p-lambda/wilds, rxrx1_dataset.py: 33 training, 4 validation and 14 test experiments.
    Differs: which four of the eighteen test experiments WILDS takes for validation is only in its own metadata table.
    """
    experiments = table.select("experiment", "cell_type").unique().sort("experiment")
    if "dataset" in table.columns:
        part = dict(table.select("experiment", "dataset").unique().rows())
        if set(part.values()) <= {"train", "test"}:
            tests = [row for row in experiments.rows() if part[row[0]] == "test"]
            first = {kind: name for name, kind in reversed(tests)}
            part |= dict.fromkeys(first.values(), "val")
    else:
        part = {}
        for _, group in experiments.group_by("cell_type", maintain_order=True):
            names = group["experiment"].to_list()
            if len(names) < 3:
                raise DataError(f"{names} are too few experiments of a cell type for train, val and test")
            part |= {**dict.fromkeys(names[:-2], "train"), names[-2]: "val", names[-1]: "test"}
    split = pl.col("experiment").replace_strict(part, return_dtype=pl.String)
    within = (split == "train") & (pl.col("site") > 1)
    return table.with_columns(pl.when(within).then(pl.lit("id_test")).otherwise(split).alias("split"))


def rxrx3_metadata(path: Path) -> pl.DataFrame:
    """The table of RxRx3 or rxrx3-core: guides and compounds in columns of their own, empty wells as negative controls.

    Raises:
        DataError: The table lacks a column of RxRx3.
    """
    table = read_metadata(path)
    _require(table, ("experiment", "plate", "perturbation", "perturbation_type", "gene"), path)
    empty = pl.col("perturbation") == RXRX_EMPTY
    control = pl.col("perturbation").str.ends_with("_control")
    is_gene, is_compound = (pl.col("perturbation_type") == kind for kind in ("gene", "compound"))
    return table.with_columns(
        pl.when(empty).then(pl.lit("negative")).otherwise(pl.lit("")).alias("control"),
        pl.when(is_gene & ~control).then(pl.col("perturbation")).alias("guide"),
        pl.when(is_gene & ~control).then(pl.col("gene")).alias("gene"),
        pl.when(is_compound & ~control).then(pl.col("perturbation")).alias("compound"),
        pl.when(control).then(pl.lit("none")).otherwise(pl.col("perturbation_type")).alias("perturbation_type"),
    )


def jump_metadata(folder: Path) -> pl.DataFrame:
    """One row a well of JUMP-CP, from its tables `well`, `plate`, `perturbation_control` and those of `crispr`, `orf` and
    `compound` that are there (.csv or .csv.gz).

    Plates are joined to their batch (experiment) and source; perturbations to gene symbol or InChIKey; negative and positive
    controls follow `perturbation_control`, where "empty" wells count as treatments without a perturbation.

    Raises:
        DataError: One of the first three tables is missing.
    """
    wells = _table(folder, "well").unique(["Metadata_Plate", "Metadata_Well"], keep="none")
    plates = _table(folder, "plate").select("Metadata_Plate", "Metadata_Batch", "Metadata_Source")
    controls = _table(folder, "perturbation_control").select("Metadata_JCP2022", "Metadata_pert_type")
    table = wells.drop("Metadata_Source", strict=False).join(plates, on="Metadata_Plate", how="left")
    table = table.join(controls, on="Metadata_JCP2022", how="left").with_columns(
        pl.col("Metadata_pert_type").replace("empty", "trt").fill_null("trt")
    )
    table = table.with_columns(pl.lit(None, pl.String).alias("gene"), pl.lit(None, pl.String).alias("compound"))
    for name, column, standard in (
        ("crispr", "Metadata_Symbol", "gene"),
        ("orf", "Metadata_Symbol", "gene"),
        ("compound", "Metadata_InChIKey", "compound"),
    ):
        if not _path(folder, name).exists():
            continue
        known = (
            _table(folder, name).select("Metadata_JCP2022", pl.col(column).alias("_found")).unique("Metadata_JCP2022")
        )
        joined = table.join(known, on="Metadata_JCP2022", how="left", maintain_order="left")
        table = joined.with_columns(pl.coalesce(standard, "_found").alias(standard)).drop("_found")
    negative = pl.col("Metadata_pert_type") == "negcon"
    table = table.with_columns(
        pl.when(~negative).then(pl.col("gene")).alias("gene"),
        pl.lit("U2OS").alias("cell_type"),
        pl.col("Metadata_Source").alias("source"),
    )
    return table.drop("Metadata_Source")


def gathered(files: list[Path], folder: Path) -> Path:
    """One folder that holds all given files, wherever they lie: links below `folder`."""
    place = Path(folder) / "jump_tables"
    for path in files:
        link_to(path.resolve(), place / path.name)
    return place


def _path(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.csv.gz"
    return packed if packed.exists() else folder / f"{name}.csv"


def _table(folder: Path, name: str) -> pl.DataFrame:
    path = _path(folder, name)
    if not path.exists():
        raise DataError(f"{folder} has no table {name}.csv or {name}.csv.gz of JUMP-CP")
    with reading(path, "a table"):
        check_table(path)
        return pl.read_csv(path, infer_schema=False)


def _require(table: pl.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(f"{path} has no column for {', '.join(missing)}; it has {', '.join(table.columns)}")

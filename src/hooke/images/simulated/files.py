"""Simulated screens as files: the names, formats and tables of published screens, so that their readers can be tried offline."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.checked import write_arrays
from hooke.core.files import replacing, write_durably
from hooke.images.reading.planes import MissingPackageError
from hooke.images.simulated.screen import Screen

NOTE = "README-simulated.md"
_STATEMENT = "The images and tables in this folder are simulated by Hooke. No microscope took them.\n"


def write_rxrx1(folder: Path, screen: Screen) -> Path:
    """PNG planes and `metadata.csv` as RxRx1 has them; returns the table's path."""
    rows = []
    names = screen.fields["perturbation"].unique().sort().to_list()
    part = {**dict.fromkeys(("01",), "train"), "02": "val", "03": "test"}
    for number, row in enumerate(screen.fields.iter_rows(named=True)):
        experiment, plate, well, site = row["experiment"], row["plate"], row["well"], row["site"]
        place = folder / "images" / experiment / f"Plate{plate}"
        for channel, plane in enumerate(screen.render(number), start=1):
            _write_png(place / f"{well}_s{site}_w{channel}.png", plane)
        kind = {"negative": "negative_control", "positive": "positive_control"}.get(row["control"], "treatment")
        rows.append(
            {
                "site_id": f"{experiment}_{plate}_{well}_{site}",
                "well_id": f"{experiment}_{plate}_{well}",
                "cell_type": row["cell_type"],
                "dataset": part.get(experiment[-2:], "train"),
                "experiment": experiment,
                "plate": plate,
                "well": well,
                "site": site,
                "well_type": kind,
                "sirna": row["perturbation"],
                "sirna_id": names.index(row["perturbation"]),
            }
        )
    return _table(folder, rows, "metadata.csv")


def write_rxrx3(folder: Path, screen: Screen) -> Path:
    """PNG planes of one site a well and `metadata.csv` as RxRx3 has them; returns the table's path."""
    rows = []
    for number, row in _huvec(screen):
        experiment, plate = _rxrx3_names(screen, row)
        place = folder / "images" / experiment / f"Plate{plate}"
        for channel, plane in enumerate(screen.render(number), start=1):
            wide = plane.astype(np.uint16) * 257
            _write_png(place / f"{row['well']}_s1_w{channel}.png", wide)
        rows.append(_rxrx3_row(experiment, plate, row))
    return _table(folder, rows, "metadata.csv")


def write_rxrx3_core(folder: Path, screen: Screen) -> Path:
    """JPEG 2000 planes in Parquet files and `metadata_rxrx3_core.csv` as rxrx3-core has them; returns the table's path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        import imagecodecs
    except ImportError as error:
        raise MissingPackageError("writing JPEG 2000", "imagecodecs") from error
    rows, keys, images = [], [], []
    for number, row in _huvec(screen):
        experiment, plate = _rxrx3_names(screen, row)
        for channel, plane in enumerate(screen.render(number), start=1):
            keys.append(f"{experiment}/Plate{plate}/{row['well']}_s1_{channel}")
            images.append({"bytes": imagecodecs.jpeg2k_encode(plane, level=0, reversible=True), "path": None})
        rows.append(_rxrx3_row(experiment, plate, row))
    with replacing(folder / "data" / "train-00000-of-00001.parquet") as temporary:
        pq.write_table(pa.table({"__key__": keys, "jp2": images}), temporary, row_group_size=256)
    return _table(folder, rows, "metadata_rxrx3_core.csv")


def write_jump_cp(folder: Path, screen: Screen) -> Path:
    """Phenix TIFFs with LZW and the tables of JUMP-CP; returns the folder of the tables."""
    try:
        import imagecodecs  # noqa: F401 (tifffile writes LZW with it)
        import tifffile
    except ImportError as error:
        raise MissingPackageError("writing TIFF with LZW", "tifffile and imagecodecs") from error
    codes = {
        name: f"JCP2022_9{number:05d}"
        for number, name in enumerate(screen.fields["perturbation"].unique().sort().to_list())
    }
    for number, row in enumerate(screen.fields.iter_rows(named=True)):
        place = folder / "images" / row["experiment"] / row["plate"] / "Images"
        for channel, plane in enumerate(screen.render(number), start=1):
            name = f"r{row['row']:02d}c{row['column']:02d}f{row['site']:02d}p01-ch{channel}sk1fk1fl1.tiff"
            buffer = io.BytesIO()
            tifffile.imwrite(buffer, plane, compression="lzw")
            write_durably(place / name, buffer.getvalue())
    tables = folder / "metadata"
    for name, table in _jump_tables(screen, codes).items():
        write_durably(tables / f"{name}.csv.gz", gzip.compress(table.write_csv().encode(), mtime=0))
    write_durably(folder / NOTE, _STATEMENT)
    return tables


def _jump_tables(screen: Screen, codes: dict[str, str]) -> dict[str, pl.DataFrame]:
    """The tables of JUMP-CP, by name."""
    code = pl.col("perturbation").replace_strict(codes).alias("Metadata_JCP2022")
    source = pl.lit("simulated").alias("Metadata_Source")
    kinds = pl.col("control").replace_strict({"negative": "negcon", "positive": "poscon"}, default=None)
    wells = screen.fields.filter(pl.col("site") == 1).with_columns(pl.col("plate").alias("Metadata_Plate"))

    def distinct(rows: pl.DataFrame, *columns: pl.Expr | str) -> pl.DataFrame:
        return rows.select(*columns).unique(maintain_order=True)

    genes, compounds = (wells.filter(pl.col(name).is_not_null()) for name in ("gene", "compound"))
    controls = wells.filter(pl.col("control") != "")
    return {
        "well": wells.select(source, "Metadata_Plate", pl.col("well").alias("Metadata_Well"), code),
        "plate": distinct(wells, source, pl.col("experiment").alias("Metadata_Batch"), "Metadata_Plate"),
        "crispr": distinct(genes, code, pl.col("gene").alias("Metadata_Symbol")),
        "compound": distinct(compounds, code, pl.col("compound").alias("Metadata_InChIKey")),
        "perturbation_control": distinct(controls, code, kinds.alias("Metadata_pert_type")),
    }


def _huvec(screen: Screen) -> Iterator[tuple[int, dict[str, Any]]]:
    """The fields of the one cell type of RxRx3, with their numbers."""
    for number, row in enumerate(screen.fields.iter_rows(named=True)):
        if row["cell_type"] == "HUVEC":
            yield number, row


def _rxrx3_names(screen: Screen, row: dict[str, object]) -> tuple[str, int]:
    experiments = screen.fields["experiment"].unique(maintain_order=True).to_list()
    return f"gene-{experiments.index(row['experiment']) + 1:03d}", int(
        str(row["plate"]).removeprefix(f"{row['experiment']}_P")
    )


def _rxrx3_row(experiment: str, plate: int, row: dict[str, object]) -> dict[str, object]:
    empty = row["control"] == "negative"
    return {
        "well_id": f"{experiment}_{plate}_{row['well']}",
        "experiment_name": experiment,
        "plate": plate,
        "address": row["well"],
        "gene": "EMPTY_control" if empty else row["gene"],
        "treatment": "EMPTY_control" if empty else f"{row['gene']}_guide_{str(row['guide'])[-1]}",
        "SMILES": None,
        "concentration": None,
        "perturbation_type": "CRISPR",
        "cell_type": row["cell_type"],
    }


def _table(folder: Path, rows: list[dict[str, object]], name: str) -> Path:
    write_durably(folder / name, pl.DataFrame(rows, infer_schema_length=None).write_csv())
    write_durably(folder / NOTE, _STATEMENT)
    return folder / name


def _write_png(path: Path, pixels: np.ndarray) -> None:
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingPackageError("writing PNG", "pillow") from error
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    write_durably(path, buffer.getvalue())


def write_npz(folder: Path, screen: Screen) -> Path:
    """One npz a field and `wells.csv` under standard names; returns the table's path."""
    for number, row in enumerate(screen.fields.iter_rows(named=True)):
        place = folder / "images" / row["experiment"] / row["plate"]
        write_arrays(
            place / f"{row['well']}_s{row['site']}.npz",
            {"image": screen.render(number), "channels": np.array(screen.config.channels)},
        )
    columns = (
        "experiment",
        "plate",
        "well",
        "perturbation",
        "perturbation_type",
        "gene",
        "compound",
        "concentration_um",
        "control",
    )
    rows = screen.fields.filter(pl.col("site") == 1).select(columns).rows(named=True)
    return _table(folder, rows, "wells.csv")

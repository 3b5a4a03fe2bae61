from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.cellprofiler import read_cellprofiler, read_deepprofiler
from hooke.cells.features import average_cells, select_features
from hooke.core.errors import DataError

MERGED = (
    "Metadata_Plate,Metadata_Well,Metadata_pert_type,Metadata_Symbol,Metadata_ObjectNumber,Cells_AreaShape_Area,Nuclei_Texture\n"
    "P1,A01,negcon,,1,100,0.5\nP1,A02,trt,TP53,1,120,nan\n"
)


def test_merged_tables(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv.gz"
    path.write_bytes(gzip.compress(MERGED.encode()))
    found = read_cellprofiler(path)
    assert found.features == ("Cells_AreaShape_Area", "Nuclei_Texture")
    assert np.isnan(found.values[1, 1])
    assert found.column("plate").tolist() == ["P1", "P1"]
    assert found.column("control").tolist() == ["negative", ""]
    assert found.column("gene").tolist() == ["", "TP53"]
    assert read_cellprofiler(path, rename={"Metadata_Symbol": "compound"}).column("compound").tolist() == ["", "TP53"]


def test_compartments_and_the_image_table_are_joined(tmp_path: Path) -> None:
    for name in ("Cells", "Nuclei"):
        (tmp_path / f"{name}.csv").write_text("ImageNumber,ObjectNumber,AreaShape_Area\n1,1,10\n1,2,20\n2,1,30\n")
    (tmp_path / "Image.csv").write_text("ImageNumber,Metadata_Well,Metadata_Plate,Count_Cells\n1,A01,P,2\n2,A02,P,1\n")
    found = read_cellprofiler(
        {name: tmp_path / f"{name}.csv" for name in ("Cells", "Nuclei")}, images=tmp_path / "Image.csv"
    )
    assert found.features == ("Cells_AreaShape_Area", "Nuclei_AreaShape_Area")
    assert found.column("well").tolist() == ["A01", "A01", "A02"]
    assert average_cells(found).column("cell_count").tolist() == [2, 1]
    (tmp_path / "Nuclei.csv").write_text("ImageNumber,ObjectNumber,AreaShape_Area\n1,1,10\n")
    with pytest.raises(DataError, match="has 1 objects"):
        read_cellprofiler({name: tmp_path / f"{name}.csv" for name in ("Cells", "Nuclei")})
    (tmp_path / "Nuclei.csv").write_text("ObjectNumber,AreaShape_Area\n1,10\n")
    with pytest.raises(DataError, match="lacks ImageNumber"):
        read_cellprofiler({"Nuclei": tmp_path / "Nuclei.csv"})
    with pytest.raises(DataError, match="joined by"):
        read_cellprofiler(tmp_path / "Nuclei.csv", images=tmp_path / "Image.csv")


def test_wrong_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no table"):
        read_cellprofiler(tmp_path / "none.csv")
    (tmp_path / "words.csv").write_text("Metadata_Well,ImageNumber\nA01,1\n")
    with pytest.raises(DataError, match="no features"):
        read_cellprofiler(tmp_path / "words.csv")
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read"):
        read_cellprofiler(tmp_path / "bad.parquet")
    (tmp_path / "bare.csv").write_text("x,y\n1,2\n")
    assert read_cellprofiler(tmp_path / "bare.csv").column("row_number").tolist() == [0]


def test_deepprofiler_never_opens_a_pickle(tmp_path: Path) -> None:
    folder = tmp_path / "P7"
    folder.mkdir()
    trap = np.array({"Metadata_Well": "A01"}, dtype=object)
    for name, cells in (("A01_1", 2), ("B02_3", 1)):
        np.savez(folder / f"{name}.npz", features=np.full((cells, 4), cells, np.float32), metadata=trap)
    index = tmp_path / "index.csv"
    index.write_text("Metadata_Plate,Metadata_Well,Metadata_Site,Metadata_Symbol\nP7,A01,1,TP53\nP7,B02,3,\n")
    found = read_deepprofiler(sorted(folder.glob("*.npz")), index=index)
    assert found.values.shape == (3, 4)
    assert found.column("well").tolist() == ["A01", "A01", "B02"]
    assert found.column("site").tolist() == [1, 1, 3]
    assert found.column("gene").tolist() == ["TP53", "TP53", ""]
    np.savez(folder / "C01_1.npz", features=np.zeros((1, 5), np.float32))
    with pytest.raises(DataError, match=r"\[4, 5\] widths"):
        read_deepprofiler(sorted(folder.glob("*.npz")))
    np.savez(folder / "D01_1.npz", features=trap)
    with pytest.raises(DataError, match="cannot be read as features of DeepProfiler"):
        read_deepprofiler([folder / "D01_1.npz"])
    np.savez(folder / "odd.npz", features=np.zeros((1, 4)))
    with pytest.raises(DataError, match="not named"):
        read_deepprofiler([folder / "odd.npz"])


@pytest.mark.mirror
def test_real_tables(mirror: Path) -> None:
    folder = mirror / "microscopy"
    jump = read_cellprofiler(folder / "cytodataframe" / "JUMP_plate_BR00117006" / "BR00117006_shrunken.parquet")
    assert len(jump) == 5
    assert jump.dim > 5000
    assert {"plate", "well"} <= set(jump.metadata.columns)
    profiles = folder / "profiles"
    parts = {name: profiles / f"cpg0043_BR00116991-A01-1_{name}.csv.gz" for name in ("Cells", "Cytoplasm", "Nuclei")}
    cells = read_cellprofiler(parts, images=profiles / "cpg0043_BR00116991-A01-1_Image.csv.gz")
    assert len(cells) == 109
    kept = select_features(cells, limit=np.inf)
    assert 100 < kept.dim < cells.dim
    assert isinstance(cells.metadata, pl.DataFrame)
    with pytest.raises(DataError, match="not named"):
        read_deepprofiler([profiles / "deepprofiler_SQ00014812_A01_5.npz"])  # the mirror puts the plate into the name

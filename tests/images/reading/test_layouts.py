from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.images.reading.layouts import LAYOUTS, index_folder
from hooke.images.reading.planes import read_plane

Plane = Callable[..., np.ndarray]


def _write_rxrx(root: Path, plane: Plane) -> None:
    image = pytest.importorskip("PIL.Image")
    seed = 0
    for experiment in ("HUVEC-01", "U2OS-03"):
        folder = root / "images" / experiment / "Plate2"
        folder.mkdir(parents=True)
        for well in ("B02", "AF11"):
            for channel in (1, 2, 10):
                seed += 1
                image.fromarray(plane(seed, "uint8")).save(folder / f"{well}_s1_w{channel}.png")


def test_rxrx(tmp_path: Path, plane: Plane) -> None:
    _write_rxrx(tmp_path, plane)
    index = index_folder(tmp_path)
    assert index.layout == "rxrx"
    assert index.channels == ("1", "2", "10")
    assert index.planes.height == 12
    assert index.sites.rows() == [
        ("HUVEC-01", "2", "AF11", 1),
        ("HUVEC-01", "2", "B02", 1),
        ("U2OS-03", "2", "AF11", 1),
        ("U2OS-03", "2", "B02", 1),
    ]
    row = index.planes.row(0, named=True)
    assert np.array_equal(read_plane(index.root / row["path"], row["key"]), plane(4, "uint8"))
    inside = index_folder(tmp_path / "images" / "U2OS-03" / "Plate2", "rxrx")
    assert inside.sites.rows() == [("U2OS-03", "2", "AF11", 1), ("U2OS-03", "2", "B02", 1)]


def test_phenix(phenix: Path) -> None:
    (phenix / "batch1" / "notes.png").write_bytes(b"a picture of the bench")
    index = index_folder(phenix)
    assert (index.layout, index.channels) == ("phenix", ("1", "2", "3"))
    assert index.sites.rows() == [("batch1", "BR1", well, site) for well in ("A01", "B12") for site in (1, 2)]
    assert index.unmatched == ("batch1/notes.png",)
    plate = index_folder(phenix / "batch1" / "BR1__2020" / "Images")
    assert plate.sites["plate"].unique().to_list() == ["BR1"]


def test_a_folder_that_cannot_be_listed_is_not_passed_over(phenix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, listed = str(phenix / "batch1"), os.scandir

    def scandir(folder: str) -> Any:
        if str(folder) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", closed)
        return listed(folder)

    monkeypatch.setattr("os.scandir", scandir)
    with pytest.raises(DataError, match=r"the folder .*batch1 cannot be read: Permission denied"):
        index_folder(phenix)


def test_several_focal_planes_need_a_choice(phenix: Path, plane: Plane) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(phenix / "batch1" / "BR1__2020" / "Images" / "r01c01f01p03-ch1sk1fk1fl1.tiff", plane(9))
    with pytest.raises(DataError, match=r"focal planes \[1, 3\]; choose one with z=1"):
        index_folder(phenix)
    with pytest.raises(DataError, match="no focal plane 2"):
        index_folder(phenix, z=2)
    assert index_folder(phenix, z=1).planes.height == 12


def test_imagexpress(tmp_path: Path, plane: Plane) -> None:
    tifffile = pytest.importorskip("tifffile")
    folder = tmp_path / "Week1" / "Week1_22123"
    folder.mkdir(parents=True)
    for channel in (1, 2):
        tifffile.imwrite(folder / f"G10_s2_w{channel}BEDC2073-A983.tif", plane(channel))
    index = index_folder(tmp_path)
    assert index.layout == "imagexpress"
    assert index.sites.rows() == [("Week1", "Week1_22123", "G10", 2)]
    assert index.channels == ("1", "2")
    named = tmp_path / "other"
    named.mkdir()
    tifffile.imwrite(named / "plateX_B02_s1_w1.tif", plane(1))
    assert index_folder(named).sites.rows() == [("", "plateX", "B02", 1)]


def test_pattern(tmp_path: Path, plane: Plane) -> None:
    np.save(tmp_path / "B7_01_1_3_DAPI_001.npy", plane(1))
    np.save(tmp_path / "B7_01_2_3_GFP_001.npy", plane(2))
    pattern = r"(?P<well>[A-P]\d+)_\d+_\d_(?P<site>\d)_(?P<channel>[A-Z]+)_001\.npy"
    index = index_folder(tmp_path, "pattern", pattern=pattern)
    assert index.sites.rows() == [("", "", "B07", 3)]
    assert index.channels == ("DAPI", "GFP")
    with pytest.raises(DataError, match="follow no known layout.*B7_01_1_3_DAPI_001.npy.*layout=pattern"):
        index_folder(tmp_path)


@pytest.mark.parametrize(
    ("layout", "pattern", "error", "message"),
    [
        ("phenyx", "", UnknownNameError, "Did you mean 'phenix'"),
        ("pattern", "", UsageError, "needs a pattern"),
        ("rxrx", "x", UsageError, "needs the layout 'pattern'"),
        ("pattern", "(", UsageError, "not a regular expression"),
        ("pattern", "(?P<well>.)", UsageError, "and .*channel"),
        ("pattern", "(?P<well>.)(?P<channel>.)(?P<sight>.)", UnknownNameError, "Did you mean 'site'"),
        ("phenix", "", DataError, "holds no images of the layout 'phenix'; 1 files have other names, such as a.npy"),
    ],
)
def test_wrong_questions(tmp_path: Path, layout: str, pattern: str, error: type[Exception], message: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 2), np.uint8))
    with pytest.raises(error, match=message):
        index_folder(tmp_path, layout, pattern=pattern)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        index_folder(tmp_path / "nothing")


def test_npz(tmp_path: Path, plane: Plane) -> None:
    folder = tmp_path / "experiment" / "plate7"
    folder.mkdir(parents=True)
    image = np.stack([plane(1), plane(2)])
    np.savez(folder / "A01_s2.npz", image=image, channels=np.array(["DNA", "ER"]))
    np.savez(folder / "B02.npz", DNA=plane(3), ER=plane(4))
    np.savez(folder / "summary.npz", x=plane(3))
    index = index_folder(tmp_path)
    assert (index.layout, index.channels) == ("npz", ("DNA", "ER"))
    assert index.sites.rows() == [("experiment", "plate7", "A01", 2), ("experiment", "plate7", "B02", 1)]
    assert index.unmatched == ("experiment/plate7/summary.npz",)
    planes = [read_plane(tmp_path / row["path"], row["key"]) for row in index.planes.iter_rows(named=True)]
    assert all(np.array_equal(found, plane(number)) for number, found in enumerate(planes, start=1))


def test_ome_tiff(tmp_path: Path, plane: Plane) -> None:
    tifffile = pytest.importorskip("tifffile")
    image = np.stack([[plane(1), plane(2)], [plane(3), plane(4)]])
    metadata = {"axes": "ZCYX", "Channel": {"Name": ["DNA", "Mito"]}}
    tifffile.imwrite(tmp_path / "plate1_C05_s2.ome.tif", image, metadata=metadata, photometric="minisblack")
    index = index_folder(tmp_path, z=2)
    assert index.layout == "ome_tiff"
    assert index.channels == ("DNA", "Mito")
    assert index.sites.rows() == [("", "plate1", "C05", 2)]
    row = index.planes.filter(channel="Mito").row(0, named=True)
    assert np.array_equal(read_plane(tmp_path / row["path"], row["key"]), plane(4))


def test_rxrx3_core(tmp_path: Path, plane: Plane) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"compound-001/Plate1/AA15_s1_{channel}" for channel in (1, 2)]
    planes = [plane(1, "uint8"), plane(2, "uint8")]
    data = [{"bytes": imagecodecs.jpeg2k_encode(one, level=0, reversible=True)} for one in planes]
    pq.write_table(pa.table({"__key__": [*names, "odd"], "jp2": [*data, None]}), tmp_path / "train-0.parquet")
    index = index_folder(tmp_path)
    assert index.layout == "rxrx3_core"
    assert index.sites.rows() == [("compound-001", "1", "AA15", 1)]
    assert index.unmatched == ("train-0.parquet:odd",)
    row = index.planes.row(1, named=True)
    assert np.array_equal(read_plane(tmp_path / row["path"], row["key"]), planes[1])


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name.lower().endswith(".tif"):
            pytest.importorskip("tifffile").imwrite(root / name, np.eye(4, dtype=np.uint8))
        else:
            (root / name).write_bytes(b"")


UUID = "71AE91C5-75E6-426C-8B41-71A5693784E3"


@pytest.mark.parametrize(
    ("names", "layout", "expected"),
    [
        (["P1/P1_A01_s1_w1.tif", "P1/P1_AF48_s1_w1.tif", "P1/P1_AA1_s1_w1.TIF"], "imagexpress",
         [("P1", "A01", 1, "1"), ("P1", "AA01", 1, "1"), ("P1", "AF48", 1, "1")]),
        ([f"TS/ABCD_A01_w1{UUID}.tif", f"TS/ABCD_A01_w2{UUID}.tif"], "imagexpress", [("ABCD", "A01", 1, "1"), ("ABCD", "A01", 1, "2")]),
        ([f"TS/ABCD_A01_s1{UUID}.tif", f"TS/ABCD_A01_s2{UUID}.tif"], "imagexpress", [("ABCD", "A01", 1, "1"), ("ABCD", "A01", 2, "1")]),
        ([f"TS/A01{UUID}.tif", f"TS/A10{UUID}.tif"], "imagexpress", [("TS", "A01", 1, "1"), ("TS", "A10", 1, "1")]),
        (["x/TimePoint_1/A01_s1_w1.tif"], "imagexpress", [("x", "A01", 1, "1")]),
        (["AssayPlate_B02_T0001F003L01A02Z01C04.tif", "DC_sCMOS_C04.tif"], "cellvoyager", [("AssayPlate", "B02", 3, "04")]),
        (["B02/B02_C01.tif", "B02/B02_C02.tif", "B03/B03_C01.tif"], "ome_tiff",
         [("", "B02", 1, "01"), ("", "B02", 1, "02"), ("", "B03", 1, "01")]),
        (["C02/C02_C01.tif", "C03/C03_C01.tif"], "ome_tiff", [("", "C02", 1, "01"), ("", "C03", 1, "01")]),
        (["P1/B02_C01.tif", "P1/D07_C01.tif"], "ome_tiff", [("P1", "B02", 1, "01"), ("P1", "D07", 1, "01")]),
        (["P01_B02_F03_C2.png", "P02_AF48_F01_C2.png"], "ome_tiff", [("P01", "B02", 3, "2"), ("P02", "AF48", 1, "2")]),
        (["p/B02/f1_c1.tif", "p/B02/f2_c1.tif"], "ome_tiff", [("p", "B02", 1, "1"), ("p", "B02", 2, "1")]),
        (["p/B02_s1_DAPI.tif", "p/B02_s1_GFP.tif"], "ome_tiff", [("p", "B02", 1, "DAPI"), ("p", "B02", 1, "GFP")]),
        (["a/r01c01f01p01-ch1.tiff", "b_B02_s1_w1.tif"], "phenix+imagexpress", [("a", "A01", 1, "1"), ("b", "B02", 1, "1")]),
    ],
)  # fmt: skip
def test_names(tmp_path: Path, names: list[str], layout: str, expected: list[tuple[str, str, int, str]]) -> None:
    """The token that is a well is found by rule, in plates of up to 1,536 wells; mixed names are read together."""
    _touch(tmp_path, *names)
    index = index_folder(tmp_path)
    assert index.layout == layout
    assert index.planes.select("plate", "well", "site", "channel").sort(pl.all()).rows() == expected


def test_every_file_is_used_refused_or_ignored(tmp_path: Path) -> None:
    """Hidden files, thumbnails, other formats and links are counted under their rule; linked folders are entered."""
    _touch(
        tmp_path, "P1/P1_A01_s1_w1.tif", "P1/._P1_A01_s1_w1.tif", "P1/P1_A01_s1_w1_thumb.tif", "P1/Thumbs.db", "P1/index.xml",
        "P1/P1_B07.czi", "P1/overview.png", "P1/A01_B02.tif", ".git/x.tif", "elsewhere/notes.parquet.txt",
    )  # fmt: skip
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    _touch(outside, "P2_A01_s1_w1.tif")
    (tmp_path / "linked").symlink_to(outside)
    (tmp_path / "P1" / "loop").symlink_to(tmp_path)
    index = index_folder(tmp_path)
    assert sorted(index.planes["path"]) == ["P1/P1_A01_s1_w1.tif", "linked/P2_A01_s1_w1.tif"]
    assert {entry.path: entry.kind for entry in index.refused} == {
        "P1/P1_B07.czi": "format_not_read", "P1/A01_B02.tif": "ambiguous_name",
    }  # fmt: skip
    assert dict(index.ignored) == {
        "P1/._P1_A01_s1_w1.tif": "hidden", ".git/x.tif": "hidden", "P1/P1_A01_s1_w1_thumb.tif": "thumbnail", "P1/Thumbs.db": "system file",
        "P1/index.xml": "no image", "elsewhere/notes.parquet.txt": "no image", "P1/overview.png": "no well in its name",
        "P1/loop": "a link back to a folder above it",
    }  # fmt: skip


def test_formats_that_are_not_read_are_named_with_the_way_out(tmp_path: Path) -> None:
    _touch(tmp_path, "A01.czi", "A02.nd2", "A03.LIF")
    with pytest.raises(DataError, match=r"CZI \(Zeiss\) is not read: export OME-TIFF.*endings .LIF, .czi, .nd2"):
        index_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    _touch(tmp_path, "empty/readme.md")
    with pytest.raises(DataError, match="holds no images that are read.*ignored: 1 x no image"):
        index_folder(tmp_path / "empty")


def test_later_time_points_are_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "TimePoint_1/A01_s1_w1.tif", "TimePoint_2/A01_s1_w1.tif", "TimePoint_2/B01_s1_w1.tif")
    index = index_folder(tmp_path)
    assert index.planes.select("well", "path").rows() == [
        ("A01", "TimePoint_1/A01_s1_w1.tif"), ("B01", "TimePoint_2/B01_s1_w1.tif"),
    ]  # fmt: skip
    [refused] = index.refused
    assert (refused.well, refused.kind) == ("A01", "time_point")


def test_every_layout_is_named() -> None:
    assert set(LAYOUTS) == {
        "rxrx",
        "phenix",
        "cellvoyager",
        "imagexpress",
        "ome_zarr",
        "rxrx3_core",
        "npz",
        "ome_tiff",
        "pattern",
    }


@pytest.mark.mirror
def test_real_folders(mirror: Path) -> None:
    root = mirror / "microscopy" / "cytodataframe"
    site = index_folder(root / "pediatric_cancer_atlas_profiling" / "images" / "orig")
    assert site.layout == "phenix"
    assert site.sites.rows() == [("", "pediatric_cancer_atlas_profiling", "C03", 3)]
    assert site.channels == tuple("123456")
    jump = index_folder(root / "JUMP_plate_BR00117006" / "images")
    assert jump.sites.rows() == [("", "JUMP_plate_BR00117006", "A01", 1)]
    assert jump.channels == ("2", "3", "5")
    pattern = r"(?P<well>[A-P]\d+)_\d+_\d_(?P<site>\d)_(?P<channel>[A-Z]+)_001\.tif"
    nf1 = index_folder(root / "NF1_cellpainting_data_shrunken" / "Plate_2_images", "pattern", pattern=pattern)
    assert nf1.sites["well"].to_list() == ["B07", "D06", "D07", "F07", "H12"]
    assert nf1.channels == ("DAPI", "GFP", "RFP")

from __future__ import annotations

import builtins
import errno
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.images.reading.planes import MissingPackageError, PlaneError, read_plane

tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")


def _plane(dtype: str = "uint16", shape: tuple[int, int] = (40, 56), seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def _without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    real = builtins.__import__

    def guarded(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] in packages:
            raise ImportError(f"no {name}")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", guarded)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_tiff(tmp_path: Path, compression: str | None, dtype: str) -> None:
    plane = _plane(dtype)
    tifffile.imwrite(tmp_path / "a.tiff", plane, compression=compression)
    assert np.array_equal(read_plane(tmp_path / "a.tiff"), plane)


def test_pages_and_byte_order(tmp_path: Path) -> None:
    pages = np.stack([_plane(seed=1), _plane(seed=2)])
    tifffile.imwrite(tmp_path / "a.tif", pages, byteorder=">", photometric="minisblack")
    found = read_plane(tmp_path / "a.tif", "1")
    assert found.dtype == np.uint16
    assert found.dtype.isnative
    assert np.array_equal(found, pages[1])
    with pytest.raises(PlaneError, match="has 2 pages, page 2"):
        read_plane(tmp_path / "a.tif", "2")


def test_lzw_without_imagecodecs_is_read_by_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    plane = _plane()
    tifffile.imwrite(tmp_path / "a.tiff", plane, compression="lzw")

    def no_codec(*_: object, **__: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", no_codec)
    assert np.array_equal(read_plane(tmp_path / "a.tiff"), plane)
    _without(monkeypatch, "PIL")
    with pytest.raises(MissingPackageError, match=r"LZW compression.*'imagecodecs'.*hooke-bio\[images\]"):
        read_plane(tmp_path / "a.tiff")


def test_tiff_without_tifffile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = _plane()
    tifffile.imwrite(tmp_path / "a.tiff", plane)
    _without(monkeypatch, "tifffile")
    assert np.array_equal(read_plane(tmp_path / "a.tiff"), plane)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_truncated_tiff_is_damaged_and_not_black(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, _plane(shape=(200, 200)), compression=compression)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(PlaneError, match=r"a\.tiff") as caught:
        read_plane(path)
    assert caught.value.kind == "damaged"
    assert str(tmp_path) not in caught.value.reason


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png(tmp_path: Path, dtype: str) -> None:
    image = pytest.importorskip("PIL.Image")
    plane = _plane(dtype)
    image.fromarray(plane).save(tmp_path / "a.png")
    assert np.array_equal(read_plane(tmp_path / "a.png"), plane)


def test_grey_written_as_colours(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    plane = _plane("uint8")
    image.fromarray(np.stack([plane] * 3, axis=2)).save(tmp_path / "grey.png")
    assert np.array_equal(read_plane(tmp_path / "grey.png"), plane)
    image.fromarray(_plane("uint8", (40, 120)).reshape(40, 40, 3)).save(tmp_path / "colour.png")
    with pytest.raises(PlaneError, match="expected one grey plane"):
        read_plane(tmp_path / "colour.png")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_jpeg_2000(tmp_path: Path, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = _plane(dtype)
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(plane, level=0, reversible=True))
    assert np.array_equal(read_plane(tmp_path / "a.jp2"), plane)
    _without(monkeypatch, "imagecodecs")
    assert np.array_equal(read_plane(tmp_path / "a.jp2"), plane)
    _without(monkeypatch, "imagecodecs", "PIL")
    with pytest.raises(MissingPackageError, match="JPEG 2000.*imagecodecs"):
        read_plane(tmp_path / "a.jp2")


def test_npz_and_npy(tmp_path: Path) -> None:
    planes = np.stack([_plane(seed=1), _plane(seed=2)])
    np.savez(tmp_path / "a.npz", image=planes, dna=planes[0])
    np.save(tmp_path / "a.npy", planes[1])
    assert np.array_equal(read_plane(tmp_path / "a.npz", "image/1"), planes[1])
    assert np.array_equal(read_plane(tmp_path / "a.npz", "dna"), planes[0])
    assert np.array_equal(read_plane(tmp_path / "a.npy"), planes[1])
    with pytest.raises(PlaneError, match="no array 'er', only image, dna"):
        read_plane(tmp_path / "a.npz", "er")
    with pytest.raises(PlaneError, match="2 channels, number 2"):
        read_plane(tmp_path / "a.npz", "image/2")
    os.truncate(tmp_path / "a.npz", 100)
    with pytest.raises(PlaneError, match="truncated, or no npz"):
        read_plane(tmp_path / "a.npz", "dna")


def test_objects_in_npz_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.array([{"a": 1}], dtype=object))
    with pytest.raises(PlaneError, match="cannot be read"):
        read_plane(tmp_path / "a.npz", "image")


def test_zarr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr = pytest.importorskip("zarr")
    planes = np.stack([_plane(seed=1), _plane(seed=2)])[None]
    array = zarr.create_array(str(tmp_path / "a.zarr" / "A" / "1" / "0"), shape=planes.shape, dtype="uint16")
    array[:] = planes
    assert np.array_equal(read_plane(tmp_path / "a.zarr", "A/1/0|0,1"), planes[0, 1])
    with pytest.raises(PlaneError, match="no plane 0,2"):
        read_plane(tmp_path / "a.zarr", "A/1/0|0,2")
    _without(monkeypatch, "zarr")
    with pytest.raises(MissingPackageError, match="OME-Zarr.*'zarr'"):
        read_plane(tmp_path / "a.zarr", "A/1/0|0,1")


@pytest.mark.parametrize("nested", [True, False])
def test_encoded_images_in_parquet(tmp_path: Path, nested: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    planes = [_plane("uint8", seed=number) for number in range(3)]
    data = [imagecodecs.jpeg2k_encode(plane, level=0, reversible=True) for plane in planes]
    cells = [{"bytes": one, "path": None} for one in data] if nested else data
    pq.write_table(pa.table({"jp2": [*cells, None]}), tmp_path / "a.parquet", row_group_size=2)
    for number, plane in enumerate(planes):
        assert np.array_equal(read_plane(tmp_path / "a.parquet", f"jp2|{number}"), plane)
    with pytest.raises(PlaneError, match="row 3 has no bytes"):
        read_plane(tmp_path / "a.parquet", "jp2|3")
    with pytest.raises(PlaneError, match="has 4 rows, row 4"):
        read_plane(tmp_path / "a.parquet", "jp2|4")


@pytest.mark.parametrize(
    ("array", "message", "kind"),
    [
        (np.zeros((4, 5), np.float32), "float32 pixels", "wrong_dtype"),
        (np.zeros((4, 5), np.int16), "int16 pixels", "wrong_dtype"),
        (np.zeros((2, 4, 5), np.uint8), r"shape \(2, 4, 5\)", "wrong_shape"),
        (np.zeros((0, 5), np.uint8), r"shape \(0, 5\)", "wrong_shape"),
    ],
)
def test_what_is_no_grey_plane_is_refused(tmp_path: Path, array: np.ndarray, message: str, kind: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(PlaneError, match=message) as caught:
        read_plane(tmp_path / "a.npy")
    assert caught.value.kind == kind


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_pages_of_which_zero_is_white_are_inverted(tmp_path: Path, dtype: str) -> None:
    pixels = _plane(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert np.array_equal(read_plane(tmp_path / "a.tif"), np.iinfo(dtype).max - pixels)


def test_samples_of_a_page_can_be_channels(tmp_path: Path) -> None:
    pixels = np.stack([_plane(seed=1), _plane(seed=2)], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig", extrasamples=[0])
    assert np.array_equal(read_plane(tmp_path / "a.tif", "0/1"), _plane(seed=2))


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(PlaneError, match=r"a\.tif does not exist"):
        read_plane(tmp_path / "a.tif")
    (tmp_path / "a.czi").write_bytes(b"x")
    with pytest.raises(PlaneError, match="no reader"):
        read_plane(tmp_path / "a.czi")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(PlaneError, match="cannot be read"):
        read_plane(tmp_path / "a.png")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"closed")

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("hooke.images.reading.planes.read_bytes", refused)
    with pytest.raises(PlaneError, match=r"a\.png may not be read: Permission denied") as caught:
        read_plane(tmp_path / "a.png")
    assert caught.value.kind == "unreadable"


def test_errors_cross_processes() -> None:
    for error in (PlaneError("damaged", "why"), MissingPackageError("reading x", "zarr")):
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.mirror
def test_real_tiffs(mirror: Path) -> None:
    files = sorted(mirror.glob("microscopy/cytodataframe/*/images/orig/*.tiff"))
    files += sorted(mirror.glob("microscopy/cytodataframe/NF1*/Plate_2_images/*.tif"))
    files += sorted(mirror.glob("microscopy/cellprofiler_examples/ExampleHuman/images/*.tif"))
    planes = [read_plane(path) for path in files]
    assert len(planes) == 27
    assert {plane.shape for plane in planes} == {(1080, 1080), (904, 1224), (512, 512)}
    assert {plane.dtype.name for plane in planes} == {"uint8", "uint16"}

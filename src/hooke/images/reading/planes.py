"""Reading one plane (one channel of one field) from whatever file it lies in, with a clear reason when that fails.

A plane is named by a file and a key within the file ("" when the file is the plane):

- TIFF and OME-TIFF: the number of the page; "page/sample" where samples of a page are channels. Pages of which zero is white are inverted.
- PNG, JPEG 2000: no key.
- npz: "array", or "array/channel" for an array with the channels first, "array/last:channel" for one with the channels last.
- OME-Zarr: "path/of/the/array|0,2,0", the indices of all axes before the last two.
- Parquet with encoded images (rxrx3-core): "column|row".
"""

from __future__ import annotations

import functools
import io
import logging
import math
import struct
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError
from hooke.core.reading import check_parquet, open_arrays, read_bytes, reading, refuse_larger

INSTALL = 'pip install "hooke-bio[images]"'
PIXEL_DTYPES = ("uint8", "uint16")
TIFF_SUFFIXES = (".tif", ".tiff")
LAST = "last:"  # in a key: the channels are the last axis
_WHITE_IS_ZERO = 0  # of the TIFF tag PhotometricInterpretation
logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it would say there, our errors say
PICTURE_SUFFIXES = (".png", ".jp2", ".j2k", ".jpg", ".jpeg")


class PlaneError(DataError):
    """A plane that cannot be used; `kind` is one word for tables of what was refused."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason

    def __reduce__(self) -> tuple[type[PlaneError], tuple[str, str]]:
        """So that it crosses from a worker process whole."""
        return type(self), (self.kind, self.reason)


class MissingPackageError(DataError):
    """A file needs a package that is not installed; nothing is wrong with the file."""

    def __init__(self, what: str, package: str) -> None:
        super().__init__(f"{what} needs the package {package!r}, which is not installed: {INSTALL}")
        self.what, self.package = what, package

    def __reduce__(self) -> tuple[type[MissingPackageError], tuple[str, str]]:
        """So that it crosses from a worker process whole."""
        return type(self), (self.what, self.package)


def read_plane(path: Path, key: str = "") -> np.ndarray:
    """Read one plane.

    Args:
        path: The file, or the folder of an OME-Zarr.
        key: Which plane of it; see the head of this module.

    Returns:
        (H, W) uint8 or uint16.

    Raises:
        PlaneError: The file is missing, damaged, or holds no grey plane of 8 or 16 bit.
        MissingPackageError: Reading it needs a package that is not installed.
    """
    path = Path(path)
    try:
        with reading(path.name[:80], raised=partial(PlaneError, "damaged")):
            if not path.exists():
                raise PlaneError("missing_file", f"{path.name} does not exist")
            try:
                return grey_plane(_reader(path)(path, key), path.name)
            except PermissionError as error:
                raise PlaneError("unreadable", f"{path.name} may not be read: {error.strerror}") from error
    except (PlaneError, MissingPackageError):
        raise
    except DataError as error:
        raise PlaneError("too_large", str(error)) from error


def grey_plane(plane: np.ndarray, name: str) -> np.ndarray:
    """A plane checked to be grey, not empty, and of 8 or 16 bit, in this machine's byte order.

    Raises:
        PlaneError: It is something else.
    """
    if plane.ndim == 3 and plane.shape[2] in (3, 4) and (plane[..., :3] == plane[..., :1]).all():
        plane = plane[..., 0]  # grey written as colours
    if plane.ndim != 2 or 0 in plane.shape:
        raise PlaneError("wrong_shape", f"{name} holds an array of shape {plane.shape}, expected one grey plane")
    if plane.dtype.newbyteorder("=").name not in PIXEL_DTYPES:
        raise PlaneError("wrong_dtype", f"{name} holds {plane.dtype.name} pixels, expected uint8 or uint16")
    return np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("="))


def _reader(path: Path) -> Callable[[Path, str], np.ndarray]:
    name = path.name.lower()
    if path.is_dir():
        return _read_zarr
    if name.endswith(TIFF_SUFFIXES):
        return _read_tiff
    if name.endswith(".npz"):
        return _read_npz
    if name.endswith(".npy"):
        return _read_npy
    if name.endswith(".parquet"):
        return _read_parquet
    if name.endswith(PICTURE_SUFFIXES):
        return lambda file, _: decode_picture(read_bytes(file), file.name)
    raise PlaneError("unknown_format", f"{path.name}: no reader for this kind of file")


def _read_tiff(path: Path, key: str) -> np.ndarray:
    """With tifffile; what it cannot decode for want of imagecodecs, with Pillow."""
    number, _, sample = key.partition("/")
    page = int(number or 0)
    try:
        import tifffile
    except ImportError:
        return _read_with_pillow(read_bytes(path), path.name, page, f"{path.name}")
    with tifffile.TiffFile(path) as file:
        if not len(file.pages):
            raise PlaneError("damaged", f"{path.name} is truncated or damaged: it has no directory of pages")
        if page >= len(file.pages):
            raise PlaneError("missing_plane", f"{path.name} has {len(file.pages)} pages, page {page} was asked for")
        directory: Any = file.pages[page]
        _refuse_large(directory.shape, directory.dtype, path.name)
        _require_whole(directory, path)
        try:
            plane = directory.asarray()
            if sample:
                plane = plane[..., int(sample)]
            return _black_is_zero(plane, directory.bitspersample) if directory.photometric == _WHITE_IS_ZERO else plane
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            what = f"{path.name} ({directory.compression.name} compression)"
    return _read_with_pillow(read_bytes(path), path.name, page, what)


def _black_is_zero(plane: np.ndarray, bits: int) -> np.ndarray:
    """A plane of which zero is white, the other way round; floating-point and signed pixels are refused later."""
    if plane.dtype.kind != "u":
        return plane
    return plane.dtype.type((1 << min(bits, 8 * plane.dtype.itemsize)) - 1) - plane


def _require_whole(page: Any, path: Path) -> None:
    """Tifffile reads zeros where strips are missing: say so instead."""
    size = path.stat().st_size
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if not ends or max(ends) > size:
        raise PlaneError("damaged", f"{path.name} is truncated: {size:,} bytes, {max(ends, default=0):,} expected")


def decode_picture(data: bytes, name: str) -> np.ndarray:
    """Decode PNG, JPEG or JPEG 2000 bytes, with imagecodecs or else Pillow."""
    jpeg2000 = data[4:8] == b"jP  " or data[:4] == b"\xff\x4f\xff\x51"
    if jpeg2000:
        try:
            import imagecodecs
        except ImportError:
            return _read_with_pillow(data, name, 0, f"{name} (JPEG 2000)", "imagecodecs")
        _refuse_large(_jpeg2000_shape(data), np.dtype(np.uint16), name)
        return imagecodecs.jpeg2k_decode(data)
    return _read_with_pillow(data, name, 0, name, "pillow")


def _read_with_pillow(data: bytes, name: str, page: int, what: str, package: str = "imagecodecs") -> np.ndarray:
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingPackageError(f"reading {what}", package) from error
    with PIL.Image.open(io.BytesIO(data)) as image:
        if page:
            image.seek(page)
        _refuse_large(
            (*image.size, len(image.getbands())),
            np.dtype(np.uint8 if image.mode in ("L", "RGB", "RGBA") else np.uint16),
            name,
        )
        image.load()
        plane = np.asarray(image)
        inverted = getattr(image, "tag_v2", {}).get(262) == _WHITE_IS_ZERO and image.mode.startswith("I;16")
        return _black_is_zero(plane, 16) if inverted else plane  # Pillow inverts those of 8 bit itself


def _read_npz(path: Path, key: str) -> np.ndarray:
    name, _, channel = key.partition("/")
    with open_arrays(path) as file:
        if name not in file.files:
            raise PlaneError("missing_plane", f"{path.name} has no array {name!r}, only {', '.join(file.files)}")
        refuse_larger(file.zip.getinfo(f"{name}.npy").file_size, f"{path.name}, {name}")
        array = file[name]
    if not channel:
        return array
    if channel.startswith(LAST):
        array, channel = np.moveaxis(array, -1, 0), channel.removeprefix(LAST)
    if int(channel) >= len(array):
        raise PlaneError("missing_plane", f"{path.name} has {len(array)} channels, number {channel} was asked for")
    return array[int(channel)]


def _read_zarr(path: Path, key: str) -> np.ndarray:
    array_path, _, places = key.partition("|")
    index = tuple(int(place) for place in places.split(",")) if places else ()
    array = zarr_module().open_array(str(path / array_path), mode="r")
    if len(index) != array.ndim - 2 or any(place >= length for place, length in zip(index, array.shape, strict=False)):
        raise PlaneError("missing_plane", f"{path.name}/{array_path} has shape {array.shape}, no plane {places}")
    _refuse_large(array.shape[-2:], array.dtype, f"{path.name}/{array_path}")
    _refuse_large(array.chunks, array.dtype, f"a chunk of {path.name}/{array_path}")
    return np.asarray(array[index])


def _read_npy(path: Path, key: str) -> np.ndarray:
    refuse_larger(path.stat().st_size, path.name)
    return np.load(path, allow_pickle=False)


def _refuse_large(shape: Sequence[int], dtype: Any, name: str) -> None:
    """Refuse a plane by the size that it declares, before it is decoded."""
    refuse_larger(math.prod(int(length) for length in shape) * np.dtype(dtype).itemsize, name)


def _jpeg2000_shape(data: bytes) -> tuple[int, int, int]:
    """Height, width and components that the codestream declares (ISO/IEC 15444-1, marker SIZ)."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise ValueError("it holds no JPEG 2000 codestream")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    return bottom - top, right - left, int.from_bytes(data[start + 40 : start + 42], "big")


def _read_parquet(path: Path, key: str) -> np.ndarray:
    column, _, row = key.partition("|")
    cell = _parquet_cell(path, column, int(row))
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes):
        raise PlaneError("missing_plane", f"{path.name}: row {row} has no bytes in column {column!r}")
    return decode_picture(data, f"{path.name} row {row}")


def _parquet_cell(path: Path, column: str, row: int) -> Any:
    starts = _row_group_starts(path, path.stat().st_mtime_ns)
    group = int(np.searchsorted(starts, row, side="right")) - 1
    if row >= starts[-1]:
        raise PlaneError("missing_plane", f"{path.name} has {starts[-1]} rows, row {row} was asked for")
    return _row_group(path, column, group, path.stat().st_mtime_ns)[row - starts[group]].as_py()


@functools.lru_cache(maxsize=64)
def _row_group_starts(path: Path, changed: int) -> np.ndarray:
    import pyarrow.parquet as pq

    check_parquet(path, whole=False)
    metadata = pq.ParquetFile(path).metadata
    return np.cumsum([0, *(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))])


@functools.lru_cache(maxsize=2)
def _row_group(path: Path, column: str, group: int, changed: int) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read_row_group(group, columns=[column]).column(0)


def zarr_module() -> Any:
    """The module zarr.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingPackageError("reading OME-Zarr", "zarr") from error
    return zarr

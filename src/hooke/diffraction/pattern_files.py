"""Files of frames: Dragonfly's `.emc` and HDF5, CXI, `.npy`, and Hooke's store.

`.emc`, little-endian: int32 frames, pixels, type, zeros up to byte 1024. Type 0: int32 ones[frames], multi[frames], place_ones, place_multi,
count_multi, one frame after the other; type 1: int32 [frames, pixels]; type 2: float64 [frames, pixels].
HDF5: num_pix, and variable-length rows place_ones, place_multi, count_multi.

Source: what github.com/duaneloh/Dragonfly reads and writes; CXI: cxidb.org, version 1.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import appending, exclusive, replacing
from hooke.core.reading import reading
from hooke.core.store import Column, Schema, StoreWriter
from hooke.core.store.opened import OpenedStore
from hooke.diffraction._hdf5 import MAGIC, dataset, found, numbers, opened
from hooke.diffraction.patterns import DENSE_BLOCK, Patterns, patterns_from_dense, patterns_of

KINDS = ("sparse", "dense", "double")  # of .emc
CXI_DATA = "entry_1/data_1/data"
CXI_VERSION = 150
STORE = "patterns"
_HEADER = 1024
_INT, _LONG, _FLOAT = np.dtype("<i4"), np.dtype("<i8"), np.dtype("<f8")
_MOST_PIXELS = 1 << 28
_AXIS = "photon"
_ROW = np.dtype([("length", "<u4"), ("heap", "<u8"), ("index", "<u4")])  # of variable length, as HDF5 keeps it
_ROWS = ("place_ones", "place_multi", "count_multi")


class PatternStore(OpenedStore):
    """Frames in Hooke's store: one shard, so that its columns are memory-mapped as they are."""

    kind = STORE
    items = "frames"


def read(path: Path) -> Patterns:
    """See `patterns.read_patterns`."""
    if path.is_dir():
        return _read_store(path)
    with reading(path), open(path, "rb") as file:
        is_hdf5 = file.read(len(MAGIC)) == MAGIC
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _unknown(path)
    if is_hdf5 and reader not in (_read_hdf5, _read_cxi):
        raise DataError(f"{path} is an HDF5 file: name it .h5 or .cxi")
    with reading(path, f"frames ({path.suffix})"):
        return reader(path)


def write(path: Path, patterns: Patterns, kind: str) -> None:
    """See `patterns.write_patterns`."""
    if kind not in KINDS:
        raise UnknownNameError("kind of .emc file", kind, KINDS)
    if not path.suffix:
        _write_store(path, patterns)
        return
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise _unknown(path)
    with replacing(path) as temporary:
        writer(temporary, patterns, kind)


def _unknown(path: Path) -> UsageError:
    return UsageError(f"{path.name}: frames end in {', '.join(_WRITERS)}, or are a folder (Hooke's store)")


def read_dense(path: Path) -> np.ndarray:
    """(frames, ...) numbers in whatever unit, of a .npy or .cxi file; one frame becomes one of one.

    Raises:
        UsageError: Its ending is another.
        DataError: It is damaged, or larger than is read at a time.
    """
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".cxi", ".h5", ".hdf5"):
        raise UsageError(f"{path.name}: frames in detector units are .npy or .cxi")
    with reading(path, f"frames ({suffix})"):
        if suffix == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            with opened(path) as file:
                values = np.asarray(dataset(file, CXI_DATA, path)[()])
        if values.dtype.kind not in "iuf" or values.ndim not in (2, 3):
            raise DataError(
                f"{path} holds {values.dtype} of the shape {values.shape}; frames are (frames, rows, columns)"
            )
        return values[None] if values.ndim == 2 else values


def _read_emc(path: Path) -> Patterns:
    size = path.stat().st_size
    if size < _HEADER:
        raise DataError(f"{path} is truncated: {size} bytes, the header alone has {_HEADER}")
    with open(path, "rb") as file:
        frames, pixels, kind = (int(each) for each in np.frombuffer(file.read(12), _INT))
    if frames < 1 or not 1 <= pixels <= _MOST_PIXELS or kind not in (0, 1, 2):
        raise DataError(f"{path}: the header says {frames} frames, {pixels} pixels, type {kind}: it is no .emc file")
    if kind:
        dtype = _INT if kind == 1 else _FLOAT
        _refuse_size(path, size, frames * pixels * dtype.itemsize)
        values = np.memmap(path, dtype, "r", _HEADER, (frames, pixels))
        return patterns_from_dense(_blocks(values), path)
    if size < _HEADER + 8 * frames:
        raise DataError(
            f"{path} is truncated: {size} bytes, the numbers of photons of {frames} frames end at byte {_HEADER + 8 * frames}"
        )
    raw = np.memmap(path, _INT, "r", _HEADER, ((size - _HEADER) // 4,))
    ones, multi = raw[:frames].astype(np.int64), raw[frames : 2 * frames].astype(np.int64)
    for name, lengths in (("ones", ones), ("multi", multi)):
        if (lengths < 0).any() or (lengths > pixels).any():
            frame = int(np.flatnonzero((lengths < 0) | (lengths > pixels))[0])
            raise DataError(f"{path}: frame {frame} has {lengths[frame]} {name}, of {pixels} pixels")
    _refuse_size(path, size, 8 * frames + 4 * int(ones.sum() + 2 * multi.sum()))
    edges = np.cumsum([2 * frames, ones.sum(), multi.sum(), multi.sum()])
    place_ones, place_multi, count_multi = (raw[edges[part] : edges[part + 1]] for part in range(3))
    return _joined(ones, multi, place_ones, place_multi, count_multi, pixels, path)


def _refuse_size(path: Path, size: int, expected: int) -> None:
    if size != _HEADER + expected:
        what = "truncated" if size < _HEADER + expected else "longer than its header says"
        raise DataError(f"{path} is {what}: {size:,} bytes, expected {_HEADER + expected:,}")


def _joined(
    ones: np.ndarray, multi: np.ndarray, place_ones: np.ndarray, place_multi: np.ndarray, count_multi: np.ndarray, pixels: int, where: Path,
    shape: tuple[int, ...] = (),
) -> Patterns:  # fmt: skip
    """Frames from lists of the pixels with one photon and of those with several."""
    starts = np.concatenate([[0], np.cumsum(ones + multi)]).astype(np.int64)
    places, counts = np.empty(starts[-1], np.int64), np.ones(starts[-1], np.int64)
    several = np.repeat(starts[:-1] + ones, multi) + _within(multi)
    is_one = np.ones(starts[-1], bool)
    is_one[several] = False
    places[is_one], places[several], counts[several] = place_ones, place_multi, count_multi
    return patterns_of(starts, places, counts, pixels, where, shape)


def _within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, ... within each run."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _split(patterns: Patterns) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The arguments of `_joined`."""
    single = patterns.counts == 1
    before = np.concatenate([[0], np.cumsum(single, dtype=np.int64)])
    ones = before[patterns.starts[1:]] - before[patterns.starts[:-1]]
    return (
        ones, np.diff(patterns.starts) - ones, patterns.pixels[single], patterns.pixels[~single], patterns.counts[~single]
    )  # fmt: skip


def _write_emc(temporary: Path, patterns: Patterns, kind: str) -> None:
    header = np.zeros(_HEADER // 4, _INT)
    header[:3] = len(patterns), patterns.number_of_pixels, KINDS.index(kind)
    with appending(temporary) as buffer:
        buffer.write(header.tobytes())
        if kind == "sparse":
            for part in _split(patterns):
                buffer.write(part.astype(_INT).tobytes())
            return
        for _, block in patterns.blocks():
            buffer.write(block.astype(_INT if kind == "dense" else _FLOAT).tobytes())


def _read_hdf5(path: Path) -> Patterns:
    with opened(path) as file:
        if found(file, CXI_DATA, path) is not None and "num_pix" not in file:
            return _dense_set(file, path)
        pixels = int(numbers(file, "num_pix", path, np.int64).ravel()[0])
        if not 1 <= pixels <= _MOST_PIXELS:
            raise DataError(f"{path}: 'num_pix' is {pixels}")
        shape = tuple(numbers(file, "shape", path, np.int64).ravel().tolist()) if "shape" in file else ()
        if shape and math.prod(shape) != pixels:
            raise DataError(f"{path}: 'shape' says {shape}, 'num_pix' {pixels}")
        rows = {name: _ragged(dataset(file, name, path), name, pixels, path) for name in _ROWS}
    lengths = {name: np.array([len(row) for row in each], np.int64) for name, each in rows.items()}
    frames = len(rows["place_ones"])
    if not frames:
        raise DataError(f"{path} holds no frame")
    for name in _ROWS[1:]:
        if len(rows[name]) != frames:
            raise DataError(f"{path}: {frames} rows of place_ones, {len(rows[name])} of {name}")
    odd = np.flatnonzero(lengths["place_multi"] != lengths["count_multi"])
    if len(odd):
        raise DataError(
            f"{path}: frame {odd[0]} has {lengths['place_multi'][odd[0]]} places and {lengths['count_multi'][odd[0]]} counts"
        )
    ones, multi, counts = (np.concatenate([np.zeros(0, np.int64), *rows[name]]) for name in _ROWS)
    return _joined(lengths["place_ones"], lengths["place_multi"], ones, multi, counts, pixels, path, shape)


def _ragged(rows: Any, name: str, pixels: int, path: Path) -> list[np.ndarray]:
    import h5py

    base = h5py.check_vlen_dtype(rows.dtype)
    if base is None or np.dtype(base).kind not in "iu" or rows.ndim != 1:
        raise DataError(f"{path}: {name!r} does not contain variable-length rows of integers")
    if rows.compression is not None or rows.shuffle or rows.fletcher32 or rows.scaleoffset is not None:
        raise DataError(f"{path}: {name!r} is compressed; rows of variable length are read uncompressed")
    for lengths in _lengths(
        rows, path
    ):  # the library takes memory and time for whatever length a damaged file declares
        if (lengths > pixels).any():
            raise DataError(f"{path}: {name!r} has a row of {lengths.max():,} entries, of {pixels:,} pixels")
    return list(rows[()])


def _lengths(rows: Any, path: Path) -> Iterator[np.ndarray]:
    """What a data set of rows of variable length declares: each has its length, and where in the file its heap lies."""
    spans = []
    if rows.chunks is None:
        offset = rows.id.get_offset()
        spans = [] if offset is None else [(offset, rows.shape[0] * _ROW.itemsize)]
    else:
        infos = [rows.id.get_chunk_info(place) for place in range(rows.id.get_num_chunks())]
        spans = [(info.byte_offset, info.size) for info in infos]
    with open(path, "rb") as file:
        for offset, size in spans:
            file.seek(offset)
            data = file.read(min(size, path.stat().st_size))
            if len(data) != size or size % _ROW.itemsize:
                raise DataError(f"{path} is truncated: {rows.name} ends behind its end")
            yield np.frombuffer(data, _ROW)["length"]


def _write_hdf5(temporary: Path, patterns: Patterns, kind: str) -> None:
    write_hdf5(temporary, patterns)


def write_hdf5(temporary: Path, patterns: Patterns) -> None:
    """Write Dragonfly's layout into a new file."""
    import h5py

    with opened(temporary, "w") as file:
        file["num_pix"] = np.array([patterns.number_of_pixels], np.int32)
        if patterns.shape:
            file["shape"] = np.array(patterns.shape, np.int64)
        ones, multi, *flat = _split(patterns)
        for name, lengths, values in zip(_ROWS, (ones, multi, multi), flat, strict=True):
            rows = np.split(values.astype(_INT), np.cumsum(lengths)[:-1])
            there = file.create_dataset(name, (len(patterns),), h5py.vlen_dtype(_INT))
            there[...] = np.stack(rows) if (lengths == lengths[0]).all() else _objects(rows)


def _objects(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of different lengths; h5py takes equal ones as a matrix alone."""
    made = np.empty(len(rows), object)
    for place, row in enumerate(rows):
        made[place] = row
    return made


def _read_cxi(path: Path) -> Patterns:
    with opened(path) as file:
        return _dense_set(file, path)


def _dense_set(file: Any, path: Path) -> Patterns:
    """Frames of entry_1/data_1/data: (frames, rows, columns), or one frame of (rows, columns)."""
    values = dataset(file, CXI_DATA, path)
    if values.ndim not in (2, 3):
        raise DataError(f"{path}: {CXI_DATA} has the shape {values.shape}; frames are (frames, rows, columns)")
    if values.ndim == 2:
        return patterns_from_dense([values[()].reshape(1, -1)], path, tuple(values.shape))
    return patterns_from_dense(_blocks(values), path, tuple(values.shape[1:]))


def _blocks(values: Any) -> Iterator[np.ndarray]:
    """(frames, pixels) blocks of an array or data set of frames."""
    pixels = math.prod(values.shape[1:])
    size = max(1, DENSE_BLOCK // max(1, pixels))
    for first in range(0, len(values), size):
        yield np.asarray(values[first : first + size]).reshape(-1, pixels)


def _write_cxi(temporary: Path, patterns: Patterns, kind: str) -> None:
    shape = patterns.shape or (1, patterns.number_of_pixels)
    with opened(temporary, "w") as file:
        file["cxi_version"] = CXI_VERSION
        data = file.create_dataset(CXI_DATA, (len(patterns), *shape), np.int32, chunks=(1, *shape), compression="gzip")
        for first, block in patterns.blocks():
            data[first : first + len(block)] = block.reshape(-1, *shape)


def _read_npy(path: Path) -> Patterns:
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if values.ndim not in (2, 3):
        raise DataError(f"{path} has the shape {values.shape}; frames are (frames, pixels) or (frames, rows, columns)")
    return patterns_from_dense(_blocks(values), path, tuple(values.shape[1:]) if values.ndim == 3 else ())


def _write_npy(temporary: Path, patterns: Patterns, kind: str) -> None:
    shape = patterns.shape or (patterns.number_of_pixels,)
    with appending(temporary) as buffer:
        header = {"descr": "<i4", "fortran_order": False, "shape": (len(patterns), *shape)}
        np.lib.format.write_array_header_1_0(buffer, header)
        for _, block in patterns.blocks():
            buffer.write(block.astype(_INT).tobytes())


def _read_store(folder: Path) -> Patterns:
    store = PatternStore.open(folder).store
    with reading(folder, "a store of frames"):
        pixels, shape = int(store.metadata["number_of_pixels"]), tuple(store.metadata["shape"])
        starts, values = store.gather(_AXIS, np.arange(store.rows), ("pixels", "counts"))
        return Patterns(
            starts, values["pixels"], values["counts"], pixels, shape,
            {int(frame): reason for frame, reason in store.metadata["reasons"].items()},
        )  # fmt: skip


def _write_store(folder: Path, patterns: Patterns) -> None:
    about = {
        "kind": STORE, "number_of_pixels": patterns.number_of_pixels, "shape": list(patterns.shape),
        "reasons": {str(frame): reason for frame, reason in patterns.reasons.items()},
    }  # fmt: skip
    schema = Schema((Column("pixels", _AXIS, "int32"), Column("counts", _AXIS, "int32")))
    with exclusive(folder, f"is writing {folder}"):
        writer = StoreWriter(folder, schema, shard_rows=max(1, len(patterns)), metadata=about)
        values = {"pixels": patterns.pixels.astype(np.int32), "counts": patterns.counts.astype(np.int32)}
        writer.append(len(patterns), values, {_AXIS: patterns.starts})
        writer.close()


_READERS: dict[str, Callable[[Path], Patterns]] = {
    ".emc": _read_emc, ".h5": _read_hdf5, ".hdf5": _read_hdf5, ".cxi": _read_cxi, ".npy": _read_npy
}  # fmt: skip
_WRITERS: dict[str, Callable[[Path, Patterns, str], None]] = {
    ".emc": _write_emc, ".h5": _write_hdf5, ".hdf5": _write_hdf5, ".cxi": _write_cxi, ".npy": _write_npy
}  # fmt: skip

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.store import Column, Schema, StoreWriter, check_store
from hooke.images.store import SITES, ImageStore, ImageStoreWriter, sites_hash, tile_grid

SIZES = [(50, 70), (50, 70), (33, 40)]
CHANNELS = ("DNA", "ER", "Mito")


def _fields(dtype: str) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, np.iinfo(dtype).max, (3, *size), dtype=dtype, endpoint=True) for size in SIZES]


def write_store(folder: Path, fields: list[np.ndarray], *, tile: int = 16, parts: int = 1) -> ImageStore:
    first = []
    for part in np.array_split(np.arange(len(fields)), parts):
        writer = ImageStoreWriter(folder, CHANNELS, fields[0].dtype.name, tile)
        first += [writer.append(fields[number]) for number in part]
        last = part[-1] == len(fields) - 1
        if last:
            table = pl.DataFrame(
                {
                    "first_tile": first,
                    "height": [field.shape[1] for field in fields],
                    "width": [field.shape[2] for field in fields],
                    "batch": ["b2", "b1", "b2"],
                    "control": ["negative", "", None],
                    "gene": ["TP53", None, "ATM"],
                }
            )
            table.write_parquet(folder / SITES)
            writer.add_file(SITES)
        writer.close({"simulated": True})
    return ImageStore.open(folder)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("parts", [1, 3])
def test_what_is_written_is_read(tmp_path: Path, dtype: str, parts: int) -> None:
    fields = _fields(dtype)
    store = write_store(tmp_path / "store", fields, parts=parts)
    assert (len(store), store.channels, store.dtype) == (3, CHANNELS, np.dtype(dtype))
    assert store.sizes.tolist() == [list(size) for size in SIZES]
    assert np.array_equal(store.read([1, 0]), np.stack([fields[1], fields[0]]))
    assert np.array_equal(store.read([2], ["Mito", "DNA"]), fields[2][None, [2, 0]])
    assert store.read([]).shape == (0, 3, 0, 0)
    assert check_store(store.folder) == []
    assert store.simulated
    assert store.folder == tmp_path / "store"


def test_any_crop_equals_the_slice(tmp_path: Path) -> None:
    fields = _fields("uint16")
    store = write_store(tmp_path / "store", fields)
    generator = np.random.default_rng(1)
    for size in ((1, 1), (16, 16), (17, 30), (33, 40)):
        rows = generator.integers(0, 3, 12)
        top = np.array([generator.integers(0, SIZES[row][0] - size[0] + 1) for row in rows])
        left = np.array([generator.integers(0, SIZES[row][1] - size[1] + 1) for row in rows])
        crops = store.read_crops(rows, top, left, size)
        for crop, row, y, x in zip(crops, rows, top, left, strict=True):
            assert np.array_equal(crop, fields[row][:, y : y + size[0], x : x + size[1]])


def test_metadata_as_numbers(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", _fields("uint8"))
    assert store.batches == ("b1", "b2")
    assert store.batch_index.tolist() == [1, 0, 1]
    assert store.control.tolist() == [True, False, False]
    codes, names = store.classes("gene")
    assert (codes.tolist(), names) == ([1, -1, 0], ("ATM", "TP53"))
    assert "first_tile" not in store.metadata.columns
    assert store.description["tile"] == 16
    assert len(store.content_hash) == len(sites_hash(store.folder)) == 64


def test_wrong_questions(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", _fields("uint8"))
    with pytest.raises(DataError, match="different sizes"):
        store.read([0, 2])
    with pytest.raises(DataError, match="reaches beyond field 2, which has 33 x 40"):
        store.read_crops([2], np.array([20]), np.array([0]), (16, 16))
    with pytest.raises(DataError, match="reaches beyond"):
        store.read_crops([2], np.array([-1]), np.array([0]), (16, 16))
    with pytest.raises(UnknownNameError, match="Did you mean 'Mito'"):
        store.read([0], ["mito"])
    with pytest.raises(UnknownNameError, match="metadata column"):
        store.classes("genes")
    writer = ImageStoreWriter(tmp_path / "other", CHANNELS, "uint8", 16)
    with pytest.raises(ValueError, match=r"uint8 \(3, H, W\), got uint16"):
        writer.append(np.zeros((3, 4, 4), np.uint16))


def test_other_stores_are_refused(tmp_path: Path) -> None:
    StoreWriter(tmp_path / "store", Schema((Column("x", "row", "uint8"),))).close()
    with pytest.raises(DataError, match="not of images"):
        ImageStore.open(tmp_path / "store")


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", _fields("uint16"))
    [file] = (store.folder / "shard-000000").glob("*.bin")
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(bytes(data))
    assert [problem.file for problem in check_store(store.folder)] == [f"shard-000000/{file.name}"]


def test_tile_grid() -> None:
    assert tile_grid(904, 1224, 256) == (4, 5)

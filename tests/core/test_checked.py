"""Files that carry their own checksum: any changed byte is noticed, older files are read as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from hooke.core.checked import (
    SEAL,
    check_seal,
    kept_array,
    kept_arrays,
    read_array,
    read_arrays,
    seal,
    write_array,
    write_arrays,
    write_parquet,
)
from hooke.core.errors import DamagedError

ARRAYS = {"a": np.arange(40, dtype=np.int64), "b": np.linspace(0, 1, 7, dtype=np.float32)}


def parquet_of_polars(path: Path) -> None:
    write_parquet(pl.DataFrame({"x": range(20), "y": ["0" * 64] * 20}), path, {"about": "sha256:" + "0" * 64})


def parquet_of_arrow(path: Path) -> None:
    with pq.ParquetWriter(path, pa.schema([("x", pa.int64())])) as writer:
        writer.write_table(pa.table({"x": range(20)}))
        writer.add_key_value_metadata(SEAL)
    seal(path)


def safetensors(path: Path) -> None:
    save_file(ARRAYS, path, metadata=SEAL)
    seal(path)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << (place % 8)
    path.write_bytes(data)


@pytest.mark.parametrize("write", [parquet_of_polars, parquet_of_arrow, safetensors])
def test_every_flipped_byte_of_a_sealed_file_is_noticed(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "x"
    write(path)
    assert check_seal(path)
    whole = path.read_bytes()
    unsealed = [place for place in range(len(whole)) if not _notices(path, whole, place)]
    text = b"hooke.seal"  # the name of the checksum itself, or where it is looked for: everything else is as it was
    assert all(abs(place - whole.rfind(text)) < 100 or place < 8 or place >= len(whole) - 8 for place in unsealed)


def _notices(path: Path, whole: bytes, place: int) -> bool:
    flip(path, place)
    try:
        return check_seal(path)
    except DamagedError as error:
        return str(path) in str(error)
    finally:
        path.write_bytes(whole)


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "x.parquet")
    save_file(ARRAYS, tmp_path / "x.safetensors")
    np.save(tmp_path / "x.npy", ARRAYS["a"])
    (tmp_path / "empty").touch()
    assert not any(check_seal(tmp_path / name) for name in ("x.parquet", "x.safetensors", "empty"))
    np.testing.assert_array_equal(read_array(tmp_path / "x.npy"), ARRAYS["a"])
    with pytest.raises(ValueError, match="no place"):
        seal(tmp_path / "x.parquet")


def test_every_flipped_byte_of_an_array_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    write_array(path, ARRAYS["a"])
    np.testing.assert_array_equal(read_array(path, mapped=True), ARRAYS["a"])
    np.testing.assert_array_equal(np.load(path), ARRAYS["a"])  # by anything else, too
    _all_flips(path, read_array, ARRAYS["a"])


def test_every_flipped_byte_of_an_archive_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_arrays(path, ARRAYS)
    assert list(read_arrays(path, "b")) == ["b"]
    _all_flips(path, lambda path: read_arrays(path)["a"], ARRAYS["a"])
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_arrays(path)


def _all_flips(path: Path, read: Callable[[Path], np.ndarray], expected: np.ndarray) -> None:
    """Each is refused, or gives what was written (a date in the head of a zip file)."""
    whole, refused = path.read_bytes(), 0
    for place in range(len(whole)):
        flip(path, place)
        try:
            np.testing.assert_array_equal(read(path), expected, strict=True)
        except DamagedError:
            refused += 1
        path.write_bytes(whole)
    assert refused > expected.nbytes


@pytest.mark.parametrize(("keep", "made"), [(kept_array, ARRAYS["a"]), (kept_arrays, ARRAYS)])
def test_what_is_kept_is_computed_once_and_again_when_damaged(
    keep: Callable[..., Any], made: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, calls = tmp_path / "cache" / "x", []

    def make() -> Any:
        calls.append(1)
        return made

    for _ in range(2):
        np.testing.assert_equal(keep(path, make, "is computing x"), made)
    assert (len(calls), caplog.text) == (1, "")
    flip(path, 150)
    np.testing.assert_equal(keep(path, make, "is computing x"), made)
    assert len(calls) == 2
    assert "damaged" in caplog.text
    assert "made again" in caplog.text
    assert [other.name for other in path.parent.iterdir()] == ["x"]

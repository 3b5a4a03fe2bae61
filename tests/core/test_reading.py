"""Foreign errors end at the border of a reader, and so do sizes that nothing real has."""

from __future__ import annotations

import errno
import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core import reading as module
from hooke.core.errors import DataError, UsageError
from hooke.core.reading import (
    check_parquet,
    check_safetensors,
    check_text_table,
    open_arrays,
    read_bytes,
    read_member,
    reading,
    refuse_columns,
    refuse_larger,
)


class PanicException(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "no"), "x does not exist"),
        (IsADirectoryError(21, "no"), "x is a folder, not a file"),
        (PermissionError(13, "Permission denied"), "x may not be read: Permission denied"),
        (MemoryError(), "x cannot be read as a table: it does not fit into memory"),
        (RecursionError("maximum"), "x cannot be read as a table: it is nested too deeply"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "x cannot be read as a table: it is not utf-8 (byte 0)"),
        (
            UnicodeEncodeError("utf-8", "\ud800", 0, 1, "bad"),
            "x cannot be read as a table: it is not valid text (a lone surrogate)",
        ),
        (EOFError("end"), "x cannot be read as a table: it is truncated"),
        (KeyError("name"), "x cannot be read as a table: it lacks 'name'"),
        (KeyError(), "x cannot be read as a table: an entry is missing"),
        (OverflowError("too large\nand more"), "x cannot be read as a table: too large"),
        (ZeroDivisionError(), "x cannot be read as a table: ZeroDivisionError"),
        (PanicException("index out of bounds"), "x cannot be read as a table: index out of bounds"),
        (StopIteration(), "x cannot be read as a table: StopIteration"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_foreign_errors_become_ones_own(error: BaseException, message: str) -> None:
    with pytest.raises(DataError) as caught, reading("x", "a table"):
        raise error
    assert str(caught.value) == message
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit(), UsageError("mine"), OSError(errno.ENOSPC, "full")]
)
def test_what_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, reading("x"):
        raise error
    assert caught.value is error


def test_another_error_can_be_asked_for() -> None:
    with pytest.raises(UsageError, match="the recipe cannot be read: deep"), reading("the recipe", raised=UsageError):
        raise ValueError("deep")


def test_bytes_are_unpacked_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"a,b\n" * 1000)
    packed.write_bytes(gzip.compress(b"a,b\n" * 1000))
    assert read_bytes(plain) == read_bytes(packed) == b"a,b\n" * 1000
    monkeypatch.setattr(module, "LARGEST_OBJECT", 1 << 20)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(bytes(40 << 20)))
    with pytest.raises(DataError, match="bomb.csv.gz grows to .* MB or more, over 200 times"):
        read_bytes(bomb)
    bomb.write_bytes(gzip.compress(b"0,0,0,0\n" * (5 << 20)))
    with pytest.raises(DataError, match="grows to"):
        check_text_table(bomb)
    random = tmp_path / "random.gz"
    random.write_bytes(gzip.compress(os.urandom(3 << 20)))
    with pytest.raises(DataError, match="declares 3 MB, at most 1 MB"):
        read_bytes(random)
    packed.write_bytes(packed.read_bytes()[:-10])
    with pytest.raises(DataError, match="cannot be read as gzip: it is truncated"):
        read_bytes(packed)
    with pytest.raises(DataError, match="is a folder"):
        read_bytes(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_long_lines_and_wide_headers_are_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    monkeypatch.setattr(module, "MOST_COLUMNS", 50)
    monkeypatch.setattr(module, "_BLOCK", 64)

    def written(text: bytes) -> Path:
        path = tmp_path / f"t.{ending}"
        path.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
        return path

    check_text_table(written(b"a,b\n" + b"1,2\n" * 1000))
    check_text_table(written(b"a" * 1000 + b"\n" + b"b" * 1000))
    check_text_table(written(b",".join([b"a"] * 50) + b"\n"))
    check_text_table(written(b""))
    for text in (b"a" * 1001, b"a\n" + b"b" * 1001 + b"\nc\n", b"a\n" + b"b" * 1001):
        with pytest.raises(DataError, match="line of more than 1,000 characters"):
            check_text_table(written(text))
    for mark in (b",", b"\t", b";", b"|"):
        with pytest.raises(DataError, match="has 51 columns, at most 50"):
            check_text_table(written(mark.join([b"a"] * 51) + b"\n1\n"))
    refuse_columns(tmp_path, 50)


def test_parquet_that_grows_out_of_proportion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": np.arange(200_000)}).write_parquet(path)
    check_parquet(path, whole=True)
    monkeypatch.setattr(module, "LARGEST_OBJECT", 1 << 18)
    check_parquet(path, whole=True)
    pl.DataFrame({"a": np.zeros(1_000_000)}).write_parquet(path)
    monkeypatch.setattr(module, "LARGEST_OBJECT", 1 << 21)
    check_parquet(path, whole=False)  # few rows at a time take little
    with pytest.raises(DataError, match="grows to 8 MB or more"):
        check_parquet(path, whole=True)
    pl.DataFrame({"a": [bytes(50_000_000)]}).write_parquet(path)
    with pytest.raises(DataError, match="grows to"):
        check_parquet(path, whole=False)
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match="t.parquet cannot be read as a Parquet file"):
        check_parquet(path, whole=False)


def test_arrays_declare_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, small=np.arange(3), large=np.zeros(1 << 22, np.uint8))
    with open_arrays(path) as arrays:
        assert arrays["small"].tolist() == [0, 1, 2]
    monkeypatch.setattr(module, "LARGEST_OBJECT", 1 << 20)
    with pytest.raises(DataError, match=r"a.npz grows to 4 MB"), open_arrays(path):
        pass
    plain = tmp_path / "plain.npz"
    np.savez(plain, large=np.zeros(1 << 22, np.uint8))
    with open_arrays(plain) as arrays:  # as large on the disk
        assert len(arrays["large"]) == 1 << 22
    np.save(tmp_path / "b.npy", np.arange(3))
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 no more")
    for name in ("b.npy", "c.npz"):
        with pytest.raises(DataError, match="is truncated, or no npz file"), open_arrays(tmp_path / name):
            pass


def test_a_member_gives_no_more_than_it_declares() -> None:
    """The size in the directory of an archive may be a lie; unpacking stops there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(30 << 20))
    with zipfile.ZipFile(buffer) as archive:
        info = archive.getinfo("zeros")
        info.file_size = 1000
        with pytest.raises(zipfile.BadZipFile, match="CRC"):
            read_member(archive, info, "bomb")


def test_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_larger(module.LARGEST_OBJECT, "x")
    with pytest.raises(DataError, match="x declares .* HOOKE_LARGEST_MB"):
        refuse_larger(module.LARGEST_OBJECT + 1, "x")
    monkeypatch.setenv("HOOKE_LARGEST_MB", "2000")
    refuse_larger(module.LARGEST_OBJECT + 1, "x")
    monkeypatch.setenv("HOOKE_LARGEST_MB", "much")
    with pytest.raises(UsageError, match="HOOKE_LARGEST_MB must be a whole number of megabytes, got 'much'"):
        refuse_larger(1, "x")
    path = tmp_path / "w.safetensors"
    path.write_bytes((20 << 20).to_bytes(8, "little") + bytes(20 << 20))
    with pytest.raises(DataError, match="the header of .* declares"):
        check_safetensors(path)
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    check_safetensors(path)

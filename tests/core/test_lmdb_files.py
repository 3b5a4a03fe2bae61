"""Entries of LMDB files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import refusal

from hooke.core.errors import DataError
from hooke.core.lmdb_files import entries

library = pytest.importorskip("lmdb")


def written(path: Path, count: int) -> dict[bytes, bytes]:
    generator = np.random.default_rng(count)
    values = {
        f"{number:06d}".encode(): generator.bytes(int(generator.choice([0, 7, 900, 3000, 4080, 4096, 20000])))
        for number in range(count)
    }
    with library.open(str(path), subdir=False, lock=False, map_size=1 << 26) as base:
        for some in range(3):  # in several transactions, with pages that are freed in between
            with base.begin(write=True) as transaction:
                for key, value in values.items():
                    transaction.put(key, value if some == 2 else value[: len(value) // 2])
    return values


@pytest.mark.parametrize("count", [0, 1, 5, 700])
def test_all_entries_in_the_order_of_their_keys(tmp_path: Path, count: int) -> None:
    values = written(tmp_path / "a.lmdb", count)
    assert [*entries(tmp_path / "a.lmdb")] == sorted(values.items())


def test_an_environment_that_is_a_folder(tmp_path: Path) -> None:
    with library.open(str(tmp_path / "env"), map_size=1 << 20) as base, base.begin(write=True) as transaction:
        transaction.put(b"a", b"b")
    assert [*entries(tmp_path / "env" / "data.mdb")] == [(b"a", b"b")]


def test_databases_with_names_are_refused(tmp_path: Path) -> None:
    with library.open(str(tmp_path / "a"), subdir=False, max_dbs=2, map_size=1 << 20) as base:
        base.open_db(b"named")
    with pytest.raises(DataError, match="databases in a database"):
        [*entries(tmp_path / "a")]


def test_what_is_no_lmdb_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.lmdb"
    for data, message in ((b"", "too short"), (b"x" * 5000, "is no LMDB file"), (b"\0" * 5000, "is no LMDB file")):
        path.write_bytes(data)
        with pytest.raises(DataError, match=message):
            [*entries(path)]


def test_damaged_files_raise_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.lmdb"
    written(path, 60)
    whole = path.read_bytes()
    generator, refused = np.random.default_rng(0), 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(int(generator.integers(1, 200))):
            data[int(generator.integers(len(data)))] = int(generator.integers(256))
        path.write_bytes(data[: int(generator.integers(len(data)))] if generator.random() < 0.2 else data)
        said = refusal(lambda: [*entries(path)])
        refused += bool(said)
        assert "\n" not in said
    assert refused > 15
    path.write_bytes(_with_a_circle(whole))
    with pytest.raises(DataError, match="stands in two places"):
        [*entries(path)]


def _with_a_circle(whole: bytes) -> bytes:
    """With a root page, a branch, whose entries all point at itself."""
    data = bytearray(whole)
    metas = [struct.unpack_from("<QQQ", data, page + 128) for page in (0, 4096)]
    root = max(metas, key=lambda meta: meta[2])[0]
    start = root * 4096
    assert data[start + 10] & 1
    for pointer in range(start + 16, start + int.from_bytes(data[start + 12 : start + 14], "little"), 2):
        offset = start + int.from_bytes(data[pointer : pointer + 2], "little")
        data[offset : offset + 6] = root.to_bytes(6, "little")
    return bytes(data)

"""`check_store` finds what is wrong with any byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.store import Column, Schema, Store, StoreWriter, check_store
from hooke.core.store.integrity import store_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = StoreWriter(
        tmp_path / "store", Schema((Column("value", "row", "float64"), Column("x", "a", "uint8"))), shard_rows=8
    )
    writer.append(20, {"value": np.arange(20.0), "x": np.arange(20, dtype=np.uint8)}, {"a": np.arange(21)})
    writer.close()
    return tmp_path / "store"


def test_a_sound_store_has_no_problems(folder: Path) -> None:
    seen: list[int] = []
    assert check_store(folder, advance=seen.append) == []
    assert sum(seen) == sum(path.stat().st_size for path in folder.glob("shard-*/*"))


def test_a_flipped_bit_is_found_and_named(folder: Path) -> None:
    path = folder / "shard-000001" / "value.bin"
    data = bytearray(path.read_bytes())
    data[13] ^= 1
    path.write_bytes(data)
    [problem] = check_store(folder)
    assert problem.file == "shard-000001/value.bin"
    assert "checksum" in problem.what
    assert Store.open(folder).rows == 20  # opening stays cheap: only `check` reads every byte


def test_truncation_and_missing_files_and_orphans(folder: Path) -> None:
    cut = folder / "shard-000000" / "value.bin"
    cut.write_bytes(cut.read_bytes()[:-8])
    (folder / "shard-000002" / "x.bin").unlink()
    (folder / "shard-000009").mkdir()
    found = {problem.file: problem.what for problem in check_store(folder)}
    assert "expected 64" in found["shard-000000/value.bin"]
    assert found["shard-000002/x.bin"] == "missing"
    assert "orphan" in found["shard-000009"]
    with pytest.raises(DataError, match="damaged"):
        Store.open(folder)


def test_offsets_are_checked_on_opening(folder: Path) -> None:
    path = folder / "shard-000000" / "a.offsets.bin"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="has 64 bytes, expected 72: the store is damaged"):
        Store.open(folder)


def test_impossible_offsets_are_damage_not_a_crash(folder: Path) -> None:
    path = folder / "shard-000001" / "a.offsets.bin"
    offsets = np.frombuffer(path.read_bytes(), np.int64).copy()
    offsets[3] = 1 << 40
    path.write_bytes(offsets.tobytes())
    with pytest.raises(DataError, match=r"a\.offsets\.bin is damaged: .* \(checksum\)"):
        Store.open(folder).gather("a", np.array([12, 9, 10]), ["x"])
    assert [problem.file for problem in check_store(folder)] == ["shard-000001/a.offsets.bin"]


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_in_the_manifest_is_found(folder: Path, place: float) -> None:
    path = folder / "manifest-000001.json"
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    try:
        problems = check_store(folder)
    except DataError:  # the damage says "a newer format"
        return
    assert problems
    assert problems[0].file == "manifest-000001.json" or data.decode(errors="replace").isspace()


def test_files_beside_the_shards_are_checked(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, Schema((Column("value", "row", "int8"),)))
    writer.append(1, {"value": np.zeros(1, np.int8)}, {})
    (tmp_path / "notes.txt").write_text("kept")
    writer.add_file("notes.txt")
    manifest = writer.close()
    assert check_store(tmp_path) == []
    assert store_bytes(manifest) == 5
    (tmp_path / "notes.txt").write_text("kepT")
    (tmp_path / "manifest-000002.json.tmp").write_text("{")
    found = {problem.file: problem.what for problem in check_store(tmp_path)}
    assert "checksum" in found["notes.txt"]
    assert "orphan" in found["manifest-000002.json.tmp"]


def test_a_folder_without_a_manifest_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no manifest"):
        check_store(tmp_path)

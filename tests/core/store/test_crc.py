"""Stores compare what they read: any changed byte is refused when something near it is read, and prepared again."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DamagedError, DataError
from hooke.core.hashing import content_hash
from hooke.core.store import Column, Schema, Store, StoreWriter, crc
from hooke.core.store.crc import SegmentSums
from hooke.core.store.integrity import is_whole, remove_damaged
from hooke.core.store.schema import Manifest, manifests

SCHEMA = Schema((Column("x", "row", "int32"), Column("wide", "row", "uint8", (100,)), Column("y", "atom", "float16")))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crc, "SEGMENT_BYTES", 64)


@pytest.fixture(params=["plain", "chunked"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    writer = StoreWriter(tmp_path / "store", SCHEMA, codec=request.param, shard_rows=40)
    values = {
        "x": np.arange(60, dtype=np.int32),
        "wide": generator.integers(0, 255, (60, 100), dtype=np.uint8),
        "y": generator.normal(size=180).astype(np.float16),
    }
    writer.append(60, values, {"atom": np.arange(0, 181, 3)})
    writer.close()
    return tmp_path / "store"


def read_everything(folder: Path) -> list[bytes]:
    store = Store.open(folder)
    rows = np.random.default_rng(1).permutation(60)
    offsets, values = store.gather("atom", rows, ["y"])
    return [array.tobytes() for array in (store.row_column("x", rows), store.row_column("wide"), offsets, values["y"])]


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << (place % 8)
    path.write_bytes(data)


def rewrite(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    [path] = manifests(folder)
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields))


def as_first_written(fields: dict[str, object]) -> None:
    for shard in fields["shards"]:  # type: ignore[attr-defined]
        for file in shard["files"]:
            del file["segments"]


@pytest.mark.parametrize("earlier", [False, True])
def test_changed_bytes_are_refused_when_they_are_read(folder: Path, earlier: bool) -> None:
    before = Store.open(folder).content_hash
    if earlier:
        rewrite(folder, as_first_written)
    assert Store.open(folder).content_hash == before
    expected = read_everything(folder)
    for path in sorted(folder.glob("shard-*/*.bin")):
        whole = path.read_bytes()
        for place in range(0, len(whole), 37):
            flip(path, place)
            with pytest.raises(DamagedError, match=r"checksum\)\. `hooke data check"):
                read_everything(folder)
            path.write_bytes(whole)
    assert read_everything(folder) == expected


def test_only_what_is_read_is_compared(folder: Path) -> None:
    flip(folder / "shard-000001" / "wide.bin", 5)  # of row 40
    store = Store.open(folder)
    store.row_column("wide", np.arange(40))
    store.row_column("x")
    if store.manifest.codec == "plain":
        store.row_column("wide", np.arange(43, 60))
    assert is_whole(folder) is False  # small: compared as a whole
    with pytest.raises(DamagedError):
        store.row_column("wide", np.array([3, 40]))
    assert (folder / crc.MARK).read_text().endswith("wide.bin")


def test_a_large_store_in_which_damage_was_met_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hooke.core.store.integrity.SMALL_BYTES", 0)
    flip(folder / "shard-000000" / "x.bin", 5)
    assert is_whole(folder)  # nobody has read it
    with pytest.raises(DamagedError):
        Store.open(folder).row_column("x")
    assert not is_whole(folder)
    remove_damaged(folder)
    assert not folder.exists()
    assert "made again" in caplog.text


def test_a_large_file_without_sums_of_segments_is_read_as_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(folder, as_first_written)
    monkeypatch.setattr(crc, "SMALL_BYTES", 0)
    flip(folder / "shard-000001" / "wide.bin", 5)
    Store.open(folder).row_column("x")


def test_a_damaged_manifest_is_made_again_and_a_newer_one_is_not(folder: Path) -> None:
    def newer(fields: dict[str, object]) -> None:
        fields["format_version"] = 99

    def damaged(fields: dict[str, object]) -> None:
        fields["codec"] = "chunke\u0064_"

    rewrite(folder, newer)
    with pytest.raises(DataError, match="format 99"):
        is_whole(folder)
    rewrite(folder, lambda fields: fields.update(format_version=1))
    assert is_whole(folder)
    rewrite(folder, damaged)
    assert not is_whole(folder)
    assert not is_whole(folder.parent / "none")


def test_a_file_beside_the_shards_is_compared(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", Schema((Column("x", "row", "int8"),)))
    writer.append(1, {"x": np.zeros(1, np.int8)}, {})
    (tmp_path / "store" / "note").write_text("hello")
    writer.add_file("note")
    writer.close()
    assert Store.open(tmp_path / "store").file("note").read_text() == "hello"
    flip(tmp_path / "store" / "note", 2)
    with pytest.raises(DamagedError, match="note is damaged"):
        Store.open(tmp_path / "store").file("note")


def test_sums_do_not_depend_on_how_the_bytes_come() -> None:
    data = np.random.default_rng(0).integers(0, 255, 1000, dtype=np.uint8).tobytes()
    for size in (1, 63, 64, 65, 1000):
        sums = SegmentSums()
        for start in range(0, 1000, size):
            sums.update(data[start : start + size])
        assert sums.sums() == tuple(zlib.crc32(data[start : start + 64]) for start in range(0, 1000, 64))


def test_sums_of_segments_do_not_name_the_content(folder: Path) -> None:
    [path] = manifests(folder)
    manifest = Manifest.read(path)
    assert all(file.segments for shard in manifest.shards for file in shard.files)
    plain = [{"name": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in manifest.shards[0].files]
    assert "segments" not in json.dumps(plain)
    assert manifest.content_hash == json.loads(path.read_bytes())["content_hash"] != content_hash(plain)

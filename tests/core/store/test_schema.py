"""Manifests: round trip, newer formats refused, damage reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.core.store.schema import Column, Manifest, Schema, Shard, StoredFile, newest_manifest

SCHEMA = Schema((Column("a", "row", "int8"), Column("b", "atom", "float16", (3,)), Column("c", "atom", "uint8")))


def test_schema_knows_axes_and_sizes() -> None:
    assert SCHEMA.ragged_axes == ("atom",)
    assert SCHEMA["b"].item_bytes == 6
    assert [column.name for column in SCHEMA.on_axis("atom")] == ["b", "c"]
    assert "b" in SCHEMA
    assert "z" not in SCHEMA
    with pytest.raises(KeyError):
        SCHEMA["z"]
    with pytest.raises(ValueError, match="repeat"):
        Schema((Column("a", "row", "int8"), Column("a", "row", "int8")))
    with pytest.raises(ValueError, match="0 bytes"):
        Schema((Column("a", "row", "int8", (0,)),))


def test_manifest_round_trip(tmp_path: Path) -> None:
    manifest = Manifest(
        SCHEMA, "plain", (Shard("shard-000000", 3, {"atom": 5}, (StoredFile("a.bin", 3, "ab"),)),), {"k": [1]}
    )
    manifest.write(tmp_path)
    read = newest_manifest(tmp_path)
    assert read == manifest
    assert (read.rows, read.content_hash) == (3, manifest.content_hash)


def test_newer_format_and_damage_are_refused(tmp_path: Path) -> None:
    path = Manifest(SCHEMA, "plain").write(tmp_path)
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "format_version": 99}))
    with pytest.raises(DataError, match="format 99"):
        newest_manifest(tmp_path)
    path.write_text(json.dumps({**fields, "metadata": {"changed": 1}}))
    with pytest.raises(DataError, match="does not have the hash"):
        newest_manifest(tmp_path)
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read as a store manifest"):
        newest_manifest(tmp_path)

"""What a store holds: columns on axes, and the manifest that lists every file with its checksum.

An axis says how many items a row has. On the axis "row" every row has one; any other axis ("atom", "bond", "label") is
ragged: row i owns the items offsets[i]:offsets[i + 1], and all columns of one axis share these offsets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DamagedError, DataError
from hooke.core.files import write_durably
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.reading import reading

FORMAT_VERSION = 1
ROW_AXIS = "row"
CODECS = ("plain", "chunked")


@dataclass(frozen=True)
class Column:
    """One column: its name, axis, numpy dtype name and the shape of one item."""

    name: str
    axis: str
    dtype: str
    shape: tuple[int, ...] = ()

    @property
    def item_bytes(self) -> int:
        """Bytes of one item."""
        return int(np.dtype(self.dtype).itemsize * np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Schema:
    """The columns of a store; names are unique, items at least a byte."""

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"column names repeat: {names}")
        if not all(column.item_bytes for column in self.columns):
            raise ValueError("a column has items of 0 bytes; leave it out")

    @property
    def ragged_axes(self) -> tuple[str, ...]:
        """The axes other than "row", in order of first use."""
        return tuple(dict.fromkeys(column.axis for column in self.columns if column.axis != ROW_AXIS))

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)

    def on_axis(self, axis: str) -> tuple[Column, ...]:
        """The columns of one axis."""
        return tuple(column for column in self.columns if column.axis == axis)


@dataclass(frozen=True)
class StoredFile:
    """One file: its name below its shard's folder (or the store's), bytes, SHA-256, and CRC-32 of each mebibyte (see `crc`)."""

    name: str
    bytes: int
    sha256: str
    segments: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shard:
    """Some rows in a folder of their own."""

    name: str
    rows: int
    items: Mapping[str, int]  # ragged axis -> items
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class Manifest:
    """One generation of a store: everything needed to read it and to check it.

    Attributes:
        schema, codec, shards: What is stored.
        files: Files that lie beside the shards ("rejected.parquet"), checked like them.
        metadata: Anything JSON.
        generation: 1, and one more with every append.
        format_version: Of the files.
    """

    schema: Schema
    codec: str
    shards: tuple[Shard, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 1
    files: tuple[StoredFile, ...] = ()
    format_version: int = FORMAT_VERSION

    @property
    def rows(self) -> int:
        """Rows over all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def content_hash(self) -> str:
        """Hash of schema, metadata and every file's checksum: equal for equal content written with equal shard sizes."""
        shards = [[shard.rows, dict(shard.items), _named(shard.files)] for shard in self.shards]
        return content_hash([self.schema, dict(self.metadata), self.codec, shards, _named(self.files)])

    def write(self, folder: Path) -> Path:
        """Write this generation's manifest atomically and durably; the store exists from this moment."""
        path = folder / f"manifest-{self.generation:06d}.json"
        write_durably(path, json_text({**asdict(self), "content_hash": self.content_hash}, indent=1))
        return path

    @staticmethod
    def read(path: Path) -> Manifest:
        """Read one manifest file.

        Raises:
            DataError: It is damaged, or was written by a newer Hooke.
        """
        with reading("it", "a store manifest", raised=partial(DamagedError, path)):
            fields = json.loads(path.read_bytes())
            version = fields["format_version"]
            if version > FORMAT_VERSION:
                raise DataError(
                    f"{path.parent} has store format {version}; this Hooke reads up to {FORMAT_VERSION}: update"
                )
            columns = tuple(
                Column(c["name"], c["axis"], c["dtype"], tuple(c["shape"])) for c in fields["schema"]["columns"]
            )
            shards = tuple(Shard(s["name"], s["rows"], s["items"], _stored_files(s["files"])) for s in fields["shards"])
            manifest = Manifest(
                Schema(columns), fields["codec"], shards, fields["metadata"], fields["generation"],
                _stored_files(fields["files"]), version,
            )  # fmt: skip
            intact = manifest.content_hash == fields["content_hash"]
        if not intact:
            raise DamagedError(path, "its content does not have the hash that it states")
        return manifest


def _stored_files(entries: Sequence[Mapping[str, Any]]) -> tuple[StoredFile, ...]:
    return tuple(
        StoredFile(entry["name"], entry["bytes"], entry["sha256"], tuple(entry.get("segments", ())))
        for entry in entries
    )


def _named(files: Sequence[StoredFile]) -> list[dict[str, Any]]:
    """What names the content of files: checksums of their segments follow from it."""
    return [{"name": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in files]


def manifests(folder: Path) -> list[Path]:
    """The manifest files of a folder, oldest generation first; empty if it holds no finished store."""
    return sorted(folder.glob("manifest-*.json"))


def newest_manifest(folder: Path) -> Manifest:
    """The newest generation's manifest.

    Raises:
        DataError: The folder holds no finished store.
    """
    paths = manifests(folder)
    if not paths:
        raise DataError(f"{folder} is not a finished store: it has no manifest. Run `hooke data prepare` again")
    return Manifest.read(paths[-1])

"""Checking a store byte by byte against its manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hooke.core.hashing import file_sha256
from hooke.core.store.schema import newest_manifest


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a store's file."""

    file: str
    what: str


def check_store(folder: Path, *, advance: Callable[[int], None] = lambda _: None) -> list[Problem]:
    """Read every file of the newest generation and compare its size and SHA-256.

    Args:
        folder: The store.
        advance: Called with the bytes of each file read, for progress.

    Returns:
        What is wrong; an empty list for a sound store.

    Raises:
        DataError: There is no readable manifest at all.
    """
    folder = Path(folder)
    problems = []
    manifest = newest_manifest(folder)
    for shard in manifest.shards:
        for file in shard.files:
            path = folder / shard.name / file.name
            name = f"{shard.name}/{file.name}"
            if not path.exists():
                problems.append(Problem(name, "missing"))
            elif path.stat().st_size != file.bytes:
                problems.append(Problem(name, f"has {path.stat().st_size} bytes, expected {file.bytes}"))
            elif file_sha256(path) != file.sha256:
                problems.append(Problem(name, "checksum differs: at least one byte was changed"))
            advance(file.bytes)
    known = {shard.name for shard in manifest.shards}
    problems.extend(
        Problem(path.name, "orphan: no manifest names this shard (left by a killed writer)")
        for path in sorted(folder.glob("shard-*"))
        if path.name not in known
    )
    return problems

"""Checking a store byte by byte against its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hooke.core.errors import DataError
from hooke.core.hashing import file_sha256
from hooke.core.store.schema import Manifest, StoredFile, manifests, newest_manifest


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
        DataError: There is no manifest at all.
    """
    folder = Path(folder)
    problems = []
    for path in manifests(folder):
        try:
            Manifest.read(path)
        except DataError as error:
            problems.append(Problem(path.name, str(error)))
    if any(problem.file == manifests(folder)[-1].name for problem in problems):
        return problems  # nothing says what the other files should be
    manifest = newest_manifest(folder)
    for name, file in _listed(manifest):
        path = folder / name
        if not path.exists():
            problems.append(Problem(name, "missing"))
        elif path.stat().st_size != file.bytes:
            problems.append(Problem(name, f"has {path.stat().st_size} bytes, expected {file.bytes}"))
        elif file_sha256(path) != file.sha256:
            problems.append(Problem(name, "checksum differs: at least one byte was changed"))
        advance(file.bytes)
    known = {shard.name for shard in manifest.shards} | {file.name for file in manifest.files}
    problems.extend(
        Problem(path.name, "orphan: no manifest names it (left by a killed writer, or foreign)")
        for path in sorted(folder.iterdir())
        if path.name not in known and path not in manifests(folder)
    )
    return problems


def store_bytes(manifest: Manifest) -> int:
    """Bytes of all files that a check reads."""
    return sum(file.bytes for _, file in _listed(manifest))


def _listed(manifest: Manifest) -> Iterator[tuple[str, StoredFile]]:
    for shard in manifest.shards:
        for file in shard.files:
            yield f"{shard.name}/{file.name}", file
    for file in manifest.files:
        yield file.name, file

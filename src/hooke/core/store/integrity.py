"""Checking a store byte by byte against its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hooke.core.checked import say_made_again
from hooke.core.errors import DamagedError, DataError
from hooke.core.files import remove_folder
from hooke.core.hashing import file_sha256
from hooke.core.store.crc import MARK, SMALL_BYTES
from hooke.core.store.schema import Manifest, StoredFile, manifests, newest_manifest

ORPHAN = "orphan"


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
    known = {MARK, *(shard.name for shard in manifest.shards), *(file.name for file in manifest.files)}
    problems.extend(
        Problem(path.name, f"{ORPHAN}: no manifest names it (left by a killed writer, or foreign)")
        for path in sorted(folder.iterdir())
        if path.name not in known and path not in manifests(folder)
    )
    return problems


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a finished store in which no damage is known; small ones are compared byte by byte.

    Raises:
        DataError: A newer Hooke wrote it.
    """
    return bool(manifests(folder)) and _damage(folder) is None


def remove_damaged(folder: Path) -> None:
    """Remove a finished store that is damaged, with a line that says so; whoever calls holds its lock and makes it again."""
    if manifests(folder) and (error := _damage(folder)) is not None:
        say_made_again(error)
        remove_folder(folder)


def _damage(folder: Path) -> DamagedError | None:
    try:
        if (folder / MARK).exists():
            return DamagedError((folder / MARK).read_text())
        if store_bytes(newest_manifest(folder)) <= SMALL_BYTES:
            for problem in check_store(folder):
                if not problem.what.startswith(ORPHAN):
                    return DamagedError(folder / problem.file, problem.what)
    except DamagedError as error:
        return error
    return None


def store_bytes(manifest: Manifest) -> int:
    """Bytes of all files that a check reads."""
    return sum(file.bytes for _, file in _listed(manifest))


def _listed(manifest: Manifest) -> Iterator[tuple[str, StoredFile]]:
    for shard in manifest.shards:
        for file in shard.files:
            yield f"{shard.name}/{file.name}", file
    for file in manifest.files:
        yield file.name, file

"""Finished parts of a long output: they lie in `<output>.parts/` until the last is written, so that a killed command goes on."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hooke.core.checked import check_seal, say_made_again
from hooke.core.errors import DamagedError, DataError
from hooke.core.files import remove, remove_folder, write_durably
from hooke.core.json_text import json_text

STAMP = b"hooke"  # key of the Parquet metadata
_STATE, _LAST = "state.json", "last"


def folder_of(output: Path) -> Path:
    """Where the parts of an output lie."""
    return output.with_name(output.name + ".parts")


def begin(parts: Path, identity: str, *, resume: bool) -> int:
    """How many parts of the same work are finished; those of other work are removed.

    Args:
        parts: Their folder, made if need be.
        identity: Of the work.
        resume: Keep the finished ones.

    Raises:
        DataError: The folder holds something else.
    """
    state = parts / _STATE
    if parts.exists():
        if not state.exists() and any(parts.iterdir()):
            raise DataError(f"{parts} exists and holds other files; move it away or choose another output")
        if not resume or _identity(state) != identity:
            remove_folder(parts)
    if not state.exists():
        write_durably(state, json_text({"identity": identity}))
    for number in itertools.count():
        path = path_of(parts, number)
        if not path.exists() or not _whole(path):
            _forget_after(parts, number)
            return number
    raise AssertionError


def _identity(state: Path) -> str | None:
    """Of the work that the parts are of; None where it cannot be read."""
    try:
        return json.loads(state.read_bytes())["identity"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _whole(path: Path) -> bool:
    """Whether a part is undamaged."""
    try:
        return check_seal(path) or True
    except DamagedError as error:
        say_made_again(error)
        return False


def _forget_after(parts: Path, number: int) -> None:
    """Remove a damaged part, those after it, and the mark that all are there."""
    later = [path for path in sorted(parts.glob("part-*.parquet")) if path >= path_of(parts, number)]
    for path in ([parts / _LAST] if later and complete(parts) else []) + later:
        remove(path)


def path_of(parts: Path, number: int) -> Path:
    """The file of a part."""
    return parts / f"part-{number:06d}.parquet"


def rows_of(parts: Path, count: int) -> int:
    """Rows in the first `count` parts."""
    return sum(pq.read_metadata(path_of(parts, number)).num_rows for number in range(count))


def complete(parts: Path) -> bool:
    """Whether all parts were written before the kill."""
    return (parts / _LAST).exists()


def mark_complete(parts: Path) -> None:
    """All parts are written."""
    write_durably(parts / _LAST, "")


def read_parquet_stamp(output: Path) -> dict[str, Any] | None:
    """The stamp in a Parquet file's metadata; None when Hooke did not make it."""
    try:
        text = (pq.read_metadata(output).metadata or {}).get(STAMP)
        return json.loads(text) if text else None
    except (OSError, ValueError, pa.ArrowException):
        return None

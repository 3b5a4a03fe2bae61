"""Finished parts of a long output: they lie in `<output>.parts/` until the last is written, so that a killed command goes on."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hooke.core.errors import DataError
from hooke.core.files import write_durably
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
        if not resume or not state.exists() or json.loads(state.read_bytes())["identity"] != identity:
            shutil.rmtree(parts)
    parts.mkdir(exist_ok=True)
    write_durably(state, json_text({"identity": identity}).encode())
    for unfinished in parts.glob("*.tmp"):
        unfinished.unlink()
    return next(number for number in itertools.count() if not path_of(parts, number).exists())


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
    write_durably(parts / _LAST, b"")


def read_parquet_stamp(output: Path) -> dict[str, Any] | None:
    """The stamp in a Parquet file's metadata; None when Hooke did not make it."""
    try:
        text = (pq.read_metadata(output).metadata or {}).get(STAMP)
        return json.loads(text) if text else None
    except (OSError, ValueError, pa.ArrowException):
        return None

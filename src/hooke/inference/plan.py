"""What predicting or embedding a file would need, measured on its first rows; nothing is written."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from hooke.core.runs import peak_memory_mb
from hooke.core.types import Source
from hooke.inference.stream import Columns, computed


@dataclass(frozen=True)
class InferencePlan:
    """What one process needs on this machine.

    Attributes:
        rows: Of the source; None where it would have to be read to its end.
        unit: What they are.
        parameters: Of the network, or of all members.
        device: Where they are computed.
        sample: Rows that were computed for this.
        rows_a_second: Of the sample, from rows to values.
        hours: Of all rows.
        memory_mb: Most that this process had so far.
        disk_mb: Of all rows with their new columns, uncompressed.
    """

    rows: int | None
    unit: str
    parameters: int
    device: str
    sample: int
    rows_a_second: float
    hours: float | None
    memory_mb: int
    disk_mb: float | None

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def measured(source: Source, columns: Columns, *, parameters: int, device: str, seconds: float = 10.0) -> InferencePlan:
    """Compute the first rows for so many seconds, whole jobs, and say what all would need.

    Args:
        source: Rows.
        columns: What is computed.
        parameters: Of the network.
        device: Of the network.
        seconds: After which no further job begins.
    """
    rows, sample, size = source.row_count(), 0, 0
    started = time.perf_counter()
    complete = True
    for table in computed(source, columns, workers=0):
        sample, size = sample + table.num_rows, size + table.nbytes
        if time.perf_counter() - started > seconds:
            complete = False
            break
    rate = sample / max(time.perf_counter() - started, 1e-9)
    rows = sample if complete else rows
    return InferencePlan(
        rows,
        source.unit,
        parameters,
        device,
        sample,
        rate,
        None if rows is None else rows / max(rate, 1e-9) / 3600,
        peak_memory_mb(),
        None if rows is None or not sample else size / sample * rows / 1e6,
    )

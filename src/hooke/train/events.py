"""Metrics as TensorBoard event files, beside metrics.jsonl (extra "tensorboard")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hooke.core.errors import UsageError


class Events:
    """An open event file."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, *, epoch: int, **fields: float) -> None:
        """One line of metrics, each field as a curve over the epochs."""
        for name, value in fields.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()


@contextmanager
def event_file(folder: Path, *, after: int = 0) -> Iterator[Events]:
    """A new event file in a folder; what older ones there say of epochs later than `after` is no longer shown.

    Raises:
        UsageError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("train.tensorboard needs TensorBoard: pip install 'hooke-bio[tensorboard]'") from error
    writer = SummaryWriter(str(folder), purge_step=after + 1 if after else None)
    try:
        yield Events(writer)
    finally:
        writer.close()

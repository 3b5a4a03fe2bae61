"""Progress of long work: a bar with rate and time left on a terminal, one line in a notebook's cell, a plain line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hooke.core.notebook import CellOutput, in_notebook

LINE_EVERY_S = 10.0


class Progress:
    """What `progress` hands out: call `advance` as work gets done."""

    def __init__(self, total: int | None, description: str, unit: str) -> None:
        self.total, self.description, self.unit = total, description, unit
        self.done = 0
        self._start = self._last = time.monotonic()

    def advance(self, count: int = 1, **fields: object) -> None:
        """Count finished items; extra fields (loss=0.12) are shown beside the rate."""
        self.done += count
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            print(f"{self.description}: {self.line(**fields)}", file=sys.stderr, flush=True)

    def line(self, **fields: object) -> str:
        """Items done, rate, time left and the given fields, as one line."""
        rate = self.done / max(time.monotonic() - self._start, 1e-9)
        scale, unit = (1e6, "MB") if self.unit == "B" else (1.0, self.unit)
        total = f"/{self.total / scale:,.0f}" if self.total else ""
        parts = [f"{self.done / scale:,.0f}{total} {unit}", f"{rate / scale:,.{int(rate < 10 * scale)}f} {unit}/s"]
        if self.total and rate > 0:
            parts.append(f"{max(0, self.total - self.done) / rate:,.0f} s left")
        for name, value in fields.items():
            parts.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
        return ", ".join(parts)


class _Quiet(Progress):
    def advance(self, count: int = 1, **fields: object) -> None:
        self.done += count


class _Cell(Progress):
    """The line in the output of a notebook's cell, a few times a second."""

    EVERY_S = 0.3

    def __init__(self, total: int | None, description: str, unit: str) -> None:
        super().__init__(total, description, unit)
        self._output = CellOutput()

    def advance(self, count: int = 1, **fields: object) -> None:
        self.done += count
        if time.monotonic() - self._last >= self.EVERY_S:
            self._last = time.monotonic()
            self._output.show(f"{self.description}: {self.line(**fields)}")

    def end(self) -> None:
        self._output.show(f"{self.description}: {self.done:,} {self.unit} in {time.monotonic() - self._start:.0f} s")


class _Bar(Progress):
    def __init__(self, total: int | None, description: str, unit: str, bar: Any, task: Any) -> None:
        super().__init__(total, description, unit)
        self._bar, self._task = bar, task

    def advance(self, count: int = 1, **fields: object) -> None:
        self.done += count
        self._bar.update(self._task, completed=self.done, text=self.line(**fields))


@contextmanager
def progress(total: int | None, description: str, unit: str = "items", *, show: bool = True) -> Iterator[Progress]:
    """Show progress while the block runs; HOOKE_PROGRESS=0 or show=False keeps quiet. The unit "B" is shown in MB."""
    if not show or os.environ.get("HOOKE_PROGRESS") == "0":
        yield _Quiet(total, description, unit)
        return
    if in_notebook():
        cell = _Cell(total, description, unit)
        yield cell
        cell.end()
        return
    if not sys.stderr.isatty():
        yield Progress(total, description, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as RichProgress

    text = TextColumn("{task.fields[text]}")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), text)
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(total, description, unit, bar, bar.add_task(description, total=total, text=""))

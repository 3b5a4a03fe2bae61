"""What training spends its time on: seconds by stage, and torch's own trace of a few steps.

`stages.json` and `stages.txt` say for each stage how often it ran, how long, and its share: "trace" is what starting, ending and writing the
trace takes, "else" what belongs to no stage. `trace.json` is a Chrome trace (chrome://tracing, or ui.perfetto.dev) of `TRACED` steps after
`WARM` that are left out, and `operators.txt` torch's table of the operators within them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from torch.profiler import ProfilerActivity, profile, record_function, supported_activities

from hooke.core.files import replacing, write_durably
from hooke.core.json_text import json_text

T = TypeVar("T")
WARM, TRACED = 3, 10  # optimiser steps
TRACE = "trace"  # the stage of recording's own start, end and writing
_ROWS = 40


class StageClock:
    """Seconds by stage, and a trace; without `on` it does nothing.

    Args:
        folder: Where its files go.
        on: Whether it measures.
    """

    def __init__(self, folder: Path, *, on: bool) -> None:
        self.folder, self.on = folder, on
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.steps = 0
        self._started = time.perf_counter()
        self._profile: profile | None = None
        self._traced = False

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Time spent within counts for this stage."""
        return self._timed(name) if self.on else nullcontext()

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        with record_function(name):
            yield
        self._count(name, time.perf_counter() - started)

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The items; waiting for each of them counts for this stage."""
        iterator = iter(items)
        while True:
            started = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            if self.on:
                self._count(name, time.perf_counter() - started)
            yield item

    def step(self) -> None:
        """An optimiser step is done: the trace begins and ends between two of them."""
        if not self.on:
            return
        self.steps += 1
        if self.steps == WARM:
            self._profile = profile(
                activities=[each for each in ProfilerActivity.__members__.values() if each in supported_activities()]
            )
            started = time.perf_counter()
            self._profile.start()
            self._count(TRACE, time.perf_counter() - started)
        elif self.steps == WARM + TRACED:
            self._end()

    def _count(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.calls[name] = self.calls.get(name, 0) + 1

    def _end(self) -> None:
        if self._profile is None:
            return
        started = time.perf_counter()
        self._profile.stop()
        self._write_trace(self._profile)
        self._profile = None
        self._count(TRACE, time.perf_counter() - started)

    def _write_trace(self, recorded: profile) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / "trace.json") as temporary:
            recorded.export_chrome_trace(str(temporary))
        averages = recorded.key_averages()
        write_durably(
            self.folder / "operators.txt", averages.table(sort_by="self_cpu_time_total", row_limit=_ROWS) + "\n"
        )

    def write(self) -> None:
        """Write the stages; a training of few steps ends its trace here."""
        if not self.on:
            return
        self._end()
        total = time.perf_counter() - self._started
        rows = sorted(self.seconds.items(), key=lambda entry: -entry[1])
        stages = [
            {"stage": name, "calls": self.calls[name], "seconds": round(spent, 4), "share": round(spent / total, 4)}
            for name, spent in rows
        ]
        rest = total - sum(self.seconds.values())
        stages.append({"stage": "else", "calls": 0, "seconds": round(rest, 4), "share": round(rest / total, 4)})
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.folder / "stages.json", json_text({"seconds": round(total, 4), "stages": stages}, indent=1))
        lines = [
            f"{each['stage']:<12} {each['calls']:>8} {each['seconds']:>12.3f} s {each['share']:>7.1%}"
            for each in stages
        ]
        write_durably(self.folder / "stages.txt", "\n".join(lines) + "\n")

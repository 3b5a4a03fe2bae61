"""The trials of a search in one file: several workers append to it, a killed search goes on from it."""

from __future__ import annotations

import json
import math
import os
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hooke.core.files import append_lines, exclusive
from hooke.core.json_text import json_text, number_or
from hooke.studies.search.algorithms import Optimiser, Result
from hooke.studies.search.space import Point

State = Literal["running", "done", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One line: the last line of a number counts.

    Attributes:
        number: Counted from 0.
        point: Places on the grid.
        state: "running" lines of dead processes are taken up again.
        value: What is minimised; None while running and for failures.
        curve: Best value after each epoch.
        run: The run folder.
        worker: Process number, for "running".
        reason: Of a failure.
    """

    number: int
    point: Point
    state: State
    value: float | None = None
    curve: tuple[float, ...] = ()
    run: str = ""
    worker: int = 0
    reason: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state != "running"

    def result(self) -> Result:
        """For the optimiser; a failure is infinitely bad."""
        return Result(self.number, self.point, math.inf if self.value is None else self.value)


class TrialFile:
    """The file, locked while it is read and changed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def trials(self) -> list[Trial]:
        """The last state of every trial, by number; a line that a kill cut off is no line."""
        if not self.path.exists():
            return []
        found: dict[int, Trial] = {}
        for line in self.path.read_text().split("\n")[:-1]:
            try:
                entry: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            trial = Trial(
                **{
                    **entry,
                    "point": tuple(entry["point"]),
                    "curve": tuple(number_or(value, math.inf) for value in entry["curve"]),
                }
            )
            found[trial.number] = trial
        return [found[number] for number in sorted(found)]

    def next(self, optimiser: Optimiser, wanted: int) -> Trial | None:
        """Take the next trial: one whose process died, else a new one; None when all `wanted` are taken."""
        with self._locked():
            trials = self.trials()
            abandoned = next((trial for trial in trials if not trial.finished and not _alive(trial.worker)), None)
            if abandoned is None and len(trials) >= wanted:
                return None
            number = abandoned.number if abandoned else len(trials)
            results = [trial.result() for trial in trials if trial.finished]
            point = abandoned.point if abandoned else optimiser.ask(number, results)
            taken = Trial(number, point, "running", worker=os.getpid())
            self._append(taken)
            return taken

    def record(self, trial: Trial) -> None:
        """Write how a trial ended."""
        with self._locked():
            self._append(trial)

    def _append(self, trial: Trial) -> None:
        append_lines(self.path, [json_text(asdict(trial))])

    def _locked(self) -> AbstractContextManager[None]:
        return exclusive(self.path, f"is writing {self.path}", wait=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

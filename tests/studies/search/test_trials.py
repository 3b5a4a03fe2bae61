"""The file of trials."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hooke.studies.search.algorithms import optimiser
from hooke.studies.search.space import Parameter, Space
from hooke.studies.search.trials import Trial, TrialFile, _alive

SPACE = Space((Parameter("a", tuple(range(5))),))


@pytest.fixture
def file(tmp_path: Path) -> TrialFile:
    return TrialFile(tmp_path / "runs" / "trials.jsonl")


def test_trials_are_taken_once_and_recorded(file: TrialFile) -> None:
    chosen = optimiser("random", SPACE, 0)
    first, second = file.next(chosen, 2), file.next(chosen, 2)
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (0, 1)
    assert file.next(chosen, 2) is None
    file.record(replace(first, state="done", value=0.5, curve=(1.0, 0.5)))
    found = file.trials()
    assert [trial.state for trial in found] == ["done", "running"]
    assert found[0].curve == (1.0, 0.5)
    assert found[1].result().value == float("inf")


def test_a_trial_of_a_dead_process_is_taken_up_again(file: TrialFile) -> None:
    dead = os.fork() if hasattr(os, "fork") else 0
    if dead == 0:
        os._exit(0)
    os.waitpid(dead, 0)
    file.record(Trial(0, (3,), "running", worker=dead))
    taken = file.next(optimiser("random", SPACE, 0), 5)
    assert taken is not None
    assert (taken.number, taken.point, taken.worker) == (0, (3,), os.getpid())
    assert _alive(os.getpid())


def test_a_cut_line_is_no_line(file: TrialFile) -> None:
    file.record(Trial(0, (1,), "done", 0.1))
    with open(file.path, "a") as out:
        out.write('{"number": 1, "poi')
    assert len(file.trials()) == 1
    file.record(Trial(1, (2,), "failed", reason="x"))
    assert [trial.number for trial in file.trials()] == [0, 1]

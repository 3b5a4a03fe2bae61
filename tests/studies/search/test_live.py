"""Searching by training."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.core.errors import DataError, HookeError, UsageError
from hooke.molecules.tables.twins import write_twin_table
from hooke.studies.search import live
from hooke.studies.search.live import Found, Search, hopeless, run_search, work
from hooke.studies.search.space import Parameter, Space
from hooke.studies.search.trials import Trial

SPACE = Space((Parameter("train.learning_rate", (1e-3, 1e-2)), Parameter("model.depth", (1, 2))))
SMALL = ("model.width=16", "train.epochs=3", "train.ensemble=1", "train.threads=1", "train.patience=0")


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=60)
    data = ("data.name=csv", f"data.path={table}", "data.targets=['log_p']")
    return Search("csv", (*data, *SMALL), SPACE, "random", 2, runs=tmp_path / "runs")


def _pretend(monkeypatch: pytest.MonkeyPatch, losses: dict[int, list[float]]) -> list[Any]:
    """Training whose losses follow from the depth."""
    made: list[Any] = []

    def fit(recipe: Any, *, watch: Any, **_: Any) -> Any:
        made.append(recipe)
        lines = [{"valid_loss": loss} for loss in losses[recipe.model.config.depth]]
        if not lines:
            raise DataError("the loss is not finite")
        for line in lines:
            watch(line)
        return SimpleNamespace(metrics=lambda: lines, folder=Path("run"))

    monkeypatch.setattr(live, "fit", fit)
    monkeypatch.setattr(live, "check_validation", lambda _: None)
    return made


def test_trials_train_and_a_second_call_finds_them(search: Search) -> None:
    found = run_search(search)
    best = found.best
    assert best is not None
    assert best.value == min(trial.value for trial in found.trials if trial.value is not None)
    assert len(best.curve) == 3
    assert (Path(best.run) / "metrics.json").exists()
    said = found.to_json()
    assert (said["trials"], said["done"], said["failed"]) == (2, 2, 0)
    assert set(said["best"]["values"]) == {"train.learning_rate", "model.depth"}
    assert run_search(search) == found


def test_more_trials_go_on_from_the_same_file(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _pretend(monkeypatch, {1: [3.0, 2.0], 2: [1.0, 1.5]})
    run_search(search)
    more = replace(search, trials=5)
    assert more.file.path == search.file.path
    found = run_search(more)
    assert len(made) == 5
    assert found.incumbents() == sorted(found.incumbents(), reverse=True)


def test_failures_are_recorded(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, {1: [], 2: [math.nan]})
    search = replace(search, trials=6)
    with pytest.raises(HookeError, match=r"none of the 6 trials succeeded: \d × .*; \d × "):
        run_search(search)
    found = live.Found(search, tuple(search.file.trials()))
    assert set(found.reasons) == {"the loss is not finite", "no finite validation loss"}
    assert sum(found.reasons.values()) == found.to_json()["failed"] == 6
    assert found.to_json()["best"] is None


def test_pruning_ends_what_is_worse_than_the_median(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, {1: [1.0, 0.5], 2: [5.0, 4.0]})
    found = run_search(replace(search, trials=30, prune=True))
    states = {(trial.point[1], trial.state) for trial in found.trials[12:]}
    assert (1, "pruned") in states
    assert (0, "pruned") not in states
    pruned = next(trial for trial in found.trials if trial.state == "pruned")
    assert pruned.curve == (5.0,)


def test_the_median_needs_five() -> None:
    trials = [Trial(number, (0,), "done", 1.0, (2.0, 1.0)) for number in range(4)]
    assert not hopeless([3.0], trials)
    assert hopeless([3.0], [*trials, Trial(9, (0,), "done", 1.0, (2.0,))])
    assert not hopeless([1.5], [*trials, Trial(9, (0,), "done", 1.0, (2.0,))])


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Space((Parameter("train.learning_rat", (1,)),)), "learning_rate"),
        (Space((Parameter("model.depth", (1, "many")),)), "depth"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_before_training(search: Search, space: Space, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(search, space=space).check()


def test_validation_rows_are_needed(search: Search) -> None:
    changed = (*search.overrides, "data.split.fractions=[0.9, 0.0, 0.1]")
    with pytest.raises(UsageError, match="validation rows"):
        replace(search, overrides=changed).check()


def test_workers_share_a_search(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two take turns: each sees what the other took."""
    _pretend(monkeypatch, {1: [1.0], 2: [2.0]})
    work(replace(search, trials=3))
    work(replace(search, trials=6))
    assert [trial.number for trial in Found(search, tuple(search.file.trials())).trials] == list(range(6))

"""Loggers: a third party's is found by its entry point and hears every epoch; what is not there is refused before data are read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe
from hooke.core.runs import run_identity
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import fit
from hooke.train.loggers import Logged, MetricLogger, check_loggers, names_of, open_loggers


class Heard(MetricLogger):
    said: list[Any] = []

    def __init__(self, logged: Logged) -> None:
        self.said.append(("open", logged.part, logged.number, logged.done, logged.recipe["train"]["epochs"]))

    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        self.said.append((epoch, dict(metrics)))

    def close(self, *, failed: bool) -> None:
        self.said.append(("close", failed))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    module = ModuleType("their_logger")
    module.Logger = Heard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "their_logger", module)
    points = [EntryPoint("theirs", "their_logger", "hooke.loggers")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "hooke.loggers" else [])
    monkeypatch.setattr(Heard, "said", [])
    return Heard.said


def test_a_third_party_hears_what_metrics_jsonl_says(
    heard: list[Any], recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    run = fit(recipe.with_changes(train={"loggers": ("theirs",)}), runs=tmp_path, store=store, show_progress=False)
    lines = run.metrics()
    members = sorted({line["member"] for line in lines})
    assert [said for said in heard if said[0] == "open"] == [
        ("open", "members", member, 0, recipe.train.epochs) for member in members
    ]
    assert heard.count(("close", False)) == len(members)
    expected = [
        (line["epoch"], {name: value for name, value in line.items() if name not in ("part", "member", "epoch")})
        for line in lines
    ]
    assert [said for said in heard if isinstance(said[0], int)] == expected


def test_all_are_closed_when_training_fails(heard: list[Any]) -> None:
    logged = Logged(Path("runs/a/b"), "members", 0, {"train": {"epochs": 1}})
    with pytest.raises(KeyboardInterrupt), open_loggers(("theirs", "theirs"), logged):
        raise KeyboardInterrupt
    assert heard[-2:] == [("close", True)] * 2


def test_what_is_not_there_is_refused_at_once(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    wrong = recipe.with_changes(train={"loggers": ("tensorbord",)})
    with pytest.raises(UnknownNameError, match="Did you mean 'tensorboard'"):
        fit(wrong, runs=tmp_path / "runs", store=store, show_progress=False)
    assert not (tmp_path / "runs").exists()
    missing = type("Missing", (Heard,), {"package": "no_such_package", "__module__": "their_logger"})
    with pytest.raises(UsageError, match="the logger 'their_logger' needs a package .*: pip install no_such_package"):
        missing.require()


def test_loggers_are_no_part_of_what_a_run_is(recipe: Recipe) -> None:
    both = recipe.with_changes(train={"tensorboard": True, "loggers": ("theirs", "tensorboard")})
    assert names_of(both.train) == ("tensorboard", "theirs")
    assert names_of(recipe.train) == ()
    check_loggers(recipe.train)
    assert run_identity(both.to_json(), "data") == run_identity(recipe.to_json(), "data")

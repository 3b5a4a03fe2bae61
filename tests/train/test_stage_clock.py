"""Time by stage and a trace, and nothing at all without being asked."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from hooke.core.recipe import Recipe
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import fit
from hooke.train.stage_clock import TRACED, WARM, StageClock


def test_stages_add_up(tmp_path: Path) -> None:
    clock = StageClock(tmp_path, on=True)
    for _ in clock.each("batches", range(WARM + TRACED + 2)):
        with clock.stage("forward"):
            torch.ones(4, 4) @ torch.ones(4, 4)
            time.sleep(0.002)
        clock.step()
    clock.write()
    written = json.loads((tmp_path / "stages.json").read_text())
    stages = {each["stage"]: each for each in written["stages"]}
    assert stages["forward"]["calls"] == WARM + TRACED + 2
    assert stages["forward"]["seconds"] >= 0.002 * (WARM + TRACED + 2)
    assert sum(each["seconds"] for each in stages.values()) == pytest.approx(written["seconds"], abs=0.01)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert sum(event.get("name") == "forward" for event in events) >= TRACED - 1
    assert stages["trace"]["calls"] == 2  # its start, and its end with what it writes
    assert "aten::mm" in (tmp_path / "operators.txt").read_text()


def test_off_means_off(tmp_path: Path) -> None:
    clock = StageClock(tmp_path / "profile", on=False)
    assert list(clock.each("batches", [1, 2])) == [1, 2]
    with clock.stage("forward"):
        clock.step()
    clock.write()
    assert not (tmp_path / "profile").exists()


def test_training_is_the_same_with_it(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    short = recipe.with_changes(train={"epochs": 2})
    plain = fit(short, runs=tmp_path, store=store, show_progress=False)
    run = fit(short.with_changes(train={"profile": True}), runs=tmp_path, store=store, show_progress=False)
    assert [line["train_loss"] for line in run.metrics()] == [line["train_loss"] for line in plain.metrics()]
    stages = {each["stage"] for each in json.loads(run.path("members/0/profile/stages.json").read_text())["stages"]}
    assert {"batches", "forward", "backward", "optimiser", "validation", "checkpoints"} <= stages

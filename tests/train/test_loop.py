"""The loop: learns, stops early, averages, accumulates, and says when the loss breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hooke.core.progress import progress
from hooke.inference.network import build_network, build_task
from hooke.molecules.statistics import label_statistics
from hooke.molecules.store import MoleculeStore
from hooke.train.devices import make_fabric
from hooke.train.loop import Trainer, TrainingError
from hooke.train.member import molecule_loader
from hooke.train.recipe import Recipe


def trainer_of(
    recipe: Recipe, store: MoleculeStore, folder: Path, *, valid: int = 10, **changes: Any
) -> tuple[Trainer, list[dict[str, Any]]]:
    rows = np.arange(len(store))
    section = replace(recipe.train, **changes)
    task = build_task("multitask", recipe.task.config, store.labels, label_statistics(store, rows[valid:]))
    torch.manual_seed(0)
    network = build_network("gine", recipe.model.config, recipe.encodings, task)
    lines: list[dict[str, Any]] = []
    batch_size = section.batch_size
    trainer = Trainer(
        network,
        task,
        section,
        fabric=make_fabric(section),
        train=molecule_loader(store, rows[valid:], batch_size, seed=1),
        valid=molecule_loader(store, rows[:valid], 256, seed=None),
        seed=1,
        folder=folder,
        log=lambda **fields: lines.append(fields),
    )
    return trainer, lines


def run(trainer: Trainer) -> None:
    with progress(None, "test") as bar:
        trainer.run(bar)


def test_the_loss_falls_and_the_best_epoch_is_kept(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    trainer, lines = trainer_of(recipe, store, tmp_path, epochs=12, learning_rate=1e-2)
    run(trainer)
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert lines[-1]["train_loss"] < 0.5 * lines[0]["train_loss"]
    assert trainer.best_loss == min(line["valid_loss"] for line in lines)
    assert not trainer.state_path.exists()
    trainer.load_best()
    assert trainer.validate()["loss"] == pytest.approx(trainer.best_loss)


def test_patience_stops_and_max_steps_stops(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    trainer, lines = trainer_of(
        recipe, store, tmp_path / "a", epochs=60, patience=2, learning_rate=0.05, schedule="constant"
    )
    run(trainer)
    assert len(lines) < 60
    assert len(lines) - 1 - trainer.best_epoch >= 2
    trainer, lines = trainer_of(recipe, store, tmp_path / "b", epochs=9, max_steps=7)
    run(trainer)
    assert trainer.step == 7


def test_without_validation_the_last_epoch_is_the_best(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    trainer, _ = trainer_of(recipe, store, tmp_path, valid=0, epochs=3)
    run(trainer)
    assert trainer.best_epoch == 2


def test_accumulation_takes_fewer_steps_and_averages(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    trainer, lines = trainer_of(recipe, store, tmp_path, epochs=2, accumulate=2, batch_size=8, ema=0.9)
    run(trainer)
    assert trainer.step == 2 * 5  # nine batches: the last step of an epoch has one
    assert trainer.ema is not None
    assert trainer.ema.steps == trainer.step
    assert len(lines) == 2


def test_bfloat16_trains(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    trainer, lines = trainer_of(recipe, store, tmp_path, epochs=6, precision="bf16-mixed", learning_rate=1e-2)
    run(trainer)
    assert lines[-1]["train_loss"] < lines[0]["train_loss"]


def test_a_loss_that_is_not_finite_names_the_step_and_the_rows(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    trainer, _ = trainer_of(recipe, store, tmp_path)
    with torch.no_grad():
        next(trainer.raw.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="step 0.*store rows"):
        run(trainer)


def test_an_interrupted_loop_continues_to_the_same_bits(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    whole, whole_lines = trainer_of(recipe, store, tmp_path / "whole", epochs=3, ema=0.9)
    run(whole)
    first, lines = trainer_of(recipe, store, tmp_path / "cut", epochs=3, ema=0.9)
    original, count = first._train_batch, 0

    def interrupted(batch: Any) -> None:
        nonlocal count
        original(batch)
        count += 1
        if count == 7:
            raise KeyboardInterrupt

    first._train_batch = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(first)
    second, more = trainer_of(recipe, store, tmp_path / "cut", epochs=3, ema=0.9)
    assert second.saved_epoch() == 1
    run(second)
    assert lines + more == whole_lines
    for name, value in whole.raw.state_dict().items():
        assert torch.equal(value, second.raw.state_dict()[name]), name

"""The loop: learns, stops early, averages, accumulates, and says when the loss breaks."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hooke.core.loader import RowLoader
from hooke.core.progress import progress
from hooke.core.recipe import Recipe, TrainSection
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.molecules.batch import collate
from hooke.molecules.store import MoleculeStore
from hooke.nn.task import Task
from hooke.train.devices import make_fabric
from hooke.train.loop import Trainer, TrainingError


def trainer_of(
    recipe: Recipe, store: MoleculeStore, folder: Path, *, valid: int = 10, **changes: Any
) -> tuple[Trainer, list[dict[str, Any]]]:
    rows = np.arange(len(store))
    section = replace(recipe.train, **changes)
    modality, recipe = trainable("molecules", "fit"), replace(recipe, train=section)
    spec = modality.spec(store, rows[valid:], recipe)
    task = build_task(recipe.task, spec)
    torch.manual_seed(0)
    network = build_network(modality, recipe.model, spec, task)
    lines: list[dict[str, Any]] = []
    trainer = Trainer(
        network,
        task,
        section,
        fabric=make_fabric(section),
        train=modality.loader(store, rows[valid:], spec, recipe, part="train", seed=1),
        valid=modality.loader(store, rows[:valid], spec, recipe, part="valid"),
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


def test_accumulated_batches_equal_one_large_batch(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    """In float64, without dropout, with equal numbers of measured labels in each batch."""
    weights = []
    measured = store.graph_labels()[0]
    rows = np.flatnonzero(np.isfinite(measured).all(axis=1))[:16]
    for accumulate in (1, 4):
        plain = replace(recipe, model=replace(recipe.model, config=replace(recipe.model.config, dropout=0.0)))
        options: dict[str, Any] = {"precision": "64-true", "epochs": 3, "ema": 0.5, "clip": 0.1}
        trainer, _ = trainer_of(
            plain,
            store,
            tmp_path / str(accumulate),
            valid=0,
            accumulate=accumulate,
            batch_size=16 // accumulate,
            **options,
        )
        trainer.task.config = replace(trainer.task.config, flip_signs=False)
        trainer.train = Fixed(store, [rows[start::accumulate] for start in range(accumulate)])
        trainer.total_steps = 3
        run(trainer)
        assert trainer.step == 3
        weights.append(trainer.raw.state_dict())
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-9, atol=1e-12)


class Fixed:
    """The same batches in each epoch: all that the loop asks of a loader."""

    def __init__(self, store: MoleculeStore, batches: list[np.ndarray]) -> None:
        self.batches = [collate(store.read(rows)) for rows in batches]

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        return iter(self.batches[start:])


@pytest.mark.parametrize("when", [3, 4])  # in the middle of a step, and at the end of an epoch
def test_asked_to_stop_it_saves_after_the_step(recipe: Recipe, store: MoleculeStore, tmp_path: Path, when: int) -> None:
    options: dict[str, Any] = {"epochs": 2, "accumulate": 2, "ema": 0.9, "checkpoint_seconds": 1e9}
    whole, whole_lines = trainer_of(recipe, store, tmp_path / "whole", **options)
    run(whole)
    first, lines = trainer_of(recipe, store, tmp_path / "cut", **options)
    original = first._train_batch

    def asked(batch: Any) -> None:
        if first.batches_done == when:
            os.kill(os.getpid(), signal.SIGTERM)
        original(batch)

    first._train_batch = asked  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(first)
    assert (first.step, first.batches_done) == ((2, 4) if when == 3 else (3, 5))
    second, more = trainer_of(recipe, store, tmp_path / "cut", **options)
    run(second)
    assert lines + more == whole_lines
    for name, value in whole.raw.state_dict().items():
        assert torch.equal(value, second.raw.state_dict()[name]), name


def test_asked_in_the_last_validation_it_finishes_first(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    for epochs, finished in ((1, True), (2, False)):
        trainer, lines = trainer_of(recipe, store, tmp_path / str(epochs), epochs=epochs)
        original = trainer.validate

        def validate(trainer: Trainer = trainer, original: Any = original) -> dict[str, float]:
            trainer._interruption.asked = True
            return original()

        trainer.validate = validate  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            run(trainer)
        assert len(lines) == 1
        assert (trainer.folder / "last.safetensors").exists() == finished
        assert trainer.state_path.exists() != finished


def test_a_state_saved_at_the_last_step_still_ends_its_epoch(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"epochs": 3, "max_steps": 3, "checkpoint_seconds": 0.0}
    first, _ = trainer_of(recipe, store, tmp_path, **options)
    first._end_epoch = lambda: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(first)
    second, lines = trainer_of(recipe, store, tmp_path, **options)
    run(second)
    assert [line["step"] for line in lines] == [3]
    second.load_best()


@dataclass(frozen=True)
class Points:
    """A batch that is no molecule."""

    x: torch.Tensor
    rows: torch.Tensor

    @property
    def num_items(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> Points:
        return Points(self.x.to(device), self.rows.to(device))


class Squares(Task):
    """Σ x², to be learnt."""

    modality = "points"

    def network(self, encoder: torch.nn.Module) -> torch.nn.Module:
        return encoder

    def losses(self, network: Any, batch: Points, step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {"loss": (network(batch.x).squeeze(1) - (batch.x**2).sum(1)).square().mean()}


@pytest.mark.filterwarnings("ignore")  # of torch's compiler about its own work
def test_other_batches_than_molecules_compiled_and_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, backends = torch.compile, []

    def without_a_compiler(network: Any, **options: Any) -> Any:
        backends.append(options)
        return compiled(network, backend="aot_eager", **options)

    monkeypatch.setattr(torch, "compile", without_a_compiler)
    x = torch.randn(70, 3, generator=torch.Generator().manual_seed(0))
    found = []
    for name, options in {"plain": {}, "compiled": {"compile": True}}.items():
        section = TrainSection(epochs=5, batch_size=16, learning_rate=0.02, ema=0.5, accelerator="cpu", **options)
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

        def read(rows: np.ndarray) -> Points:
            return Points(x[rows], torch.from_numpy(rows))

        lines: list[dict[str, Any]] = []
        trainer = Trainer(
            network, Squares(None, None), section, fabric=make_fabric(section), seed=1, folder=tmp_path / name,
            train=RowLoader(read, np.arange(60), 16, seed=1), valid=RowLoader(read, np.arange(60, 70), 16, seed=None),
            log=lambda lines=lines, **fields: lines.append(fields),
        )  # fmt: skip
        run(trainer)
        found.append(lines)
        assert set(load_file(tmp_path / name / "best.safetensors")) == set(network.state_dict())
    assert backends == [{"dynamic": True}]
    assert found[0][-1]["valid_loss"] < found[0][0]["valid_loss"]
    for plain, other in zip(*found, strict=True):
        assert other == {name: pytest.approx(value, rel=1e-4) for name, value in plain.items()}


def test_gradient_norms_are_logged_and_change_nothing(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    found = []
    for logged in (False, True):
        trainer, lines = trainer_of(recipe, store, tmp_path / str(logged), epochs=2, gradient_norms=logged)
        run(trainer)
        found.append((trainer.raw.state_dict(), lines))
    (plain, lines), (same, more) = found
    assert all(torch.equal(value, same[name]) for name, value in plain.items())
    names = {name for name in more[0] if name.startswith("gradient_")}
    assert names == {f"gradient_graph/{label.name}" for label in store.labels}
    assert all(line[name] >= 0 for line in more for name in names)
    assert not any(name.startswith("gradient_") for name in lines[0])

"""Checkpoints are whole or absent, and nothing in them is executed."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.recipe import Recipe
from hooke.molecules.store import MoleculeStore
from hooke.nn.weights import load_weights, read_weights
from hooke.train import checkpoint
from hooke.train.checkpoint import load_state, save_state, save_weights
from hooke.train.fit import fit


def test_weights_round_trip(tmp_path: Path) -> None:
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    save_weights(first.state_dict(), tmp_path / "a" / "w.safetensors")
    load_weights(second, tmp_path / "a" / "w.safetensors")
    assert torch.equal(first.weight, second.weight)
    (tmp_path / "plain").touch()
    assert (tmp_path / "a" / "w.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["w.safetensors"]


def test_state_round_trip_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state({"counters": [1, 2], "tensor": torch.arange(3)}, path)
    assert load_state(path)["counters"] == [1, 2]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match="damaged"):
        load_state(path)


def test_pickled_code_is_not_executed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save(Evil(), tmp_path / "state.pt", pickle_module=pickle)
    with pytest.raises((DataError, pickle.UnpicklingError)):
        load_state(tmp_path / "state.pt")
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_keeps_the_last_good_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    save_state({"counters": [1]}, path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(DataError, match="disk of .* is full"):
        save_state({"counters": [2]}, path)
    monkeypatch.undo()
    assert load_state(path)["counters"] == [1]
    assert not list(tmp_path.glob("*.tmp"))

    def broken(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(checkpoint.torch, "save", broken)
    with pytest.raises(OSError, match="input/output"):
        save_state({}, path)
    monkeypatch.setattr(checkpoint, "_free", lambda folder: 0)  # torch does not say why it could not write
    with pytest.raises(DataError, match="disk of .* is full"):
        save_state({}, path)


def test_the_best_epochs_are_kept_by_what_is_monitored(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    changed = recipe.with_changes(train={"keep_best": 2, "checkpoint_steps": 3, "monitor": "graph/regression"})
    run = fit(changed, runs=tmp_path, store=store, show_progress=False)
    lines = run.metrics()
    ranked = sorted(lines, key=lambda line: line["valid_graph/regression"])[:2]
    assert [each["epoch"] for each in run.read_json("members/0/checkpoints.json")] == [line["epoch"] for line in ranked]
    kept = {path.stem: read_weights(path) for path in run.path("members/0").glob("*.safetensors")}
    steps = {f"step-{step}" for step in range(3, lines[-1]["step"] + 1, 3)}
    assert set(kept) == {"best", "last", *steps, *(f"epoch-{line['epoch']}" for line in ranked)}
    best = kept[f"epoch-{ranked[0]['epoch']}"]
    assert all(torch.equal(kept["best"][name], value) for name, value in best.items())
    with pytest.raises(UnknownNameError, match="graph/regression"):
        fit(recipe.with_changes(train={"monitor": "graph/regresion"}), runs=tmp_path, store=store, show_progress=False)

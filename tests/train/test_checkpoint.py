"""Checkpoints are whole or absent, and nothing in them is executed."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hooke.core.errors import DataError
from hooke.nn.weights import load_weights
from hooke.train import checkpoint
from hooke.train.checkpoint import load_state, save_state, save_weights


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

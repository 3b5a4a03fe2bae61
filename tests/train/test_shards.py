"""A network in parts learns what a whole one learns, is stopped and continued, and is saved whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hooke.core.recipe import TrainSection
from hooke.train.shards import stacked_blocks


def test_parts_learn_what_the_whole_learns_and_are_saved_whole(tmp_path: Path) -> None:
    script = Path(__file__).with_name("two_processes_of_molecules.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "sharded"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two/kept.pt").exists()  # it was stopped in the middle, and went on
    for file in ("best.safetensors", "last.safetensors"):
        whole, parts = (load_file(tmp_path / name / file) for name in ("one", "two"))
        assert whole.keys() == parts.keys()
        for name, value in whole.items():
            torch.testing.assert_close(value, parts[name], rtol=0, atol=1e-10)


def test_blocks_within_blocks_follow_them() -> None:
    inner = nn.Module()
    inner.layers = nn.ModuleList([nn.Linear(2, 2)])
    network = nn.Module()
    network.blocks = nn.ModuleList([inner, nn.Linear(3, 3)])
    assert stacked_blocks(network) == [inner, network.blocks[1], inner.layers[0]]


def test_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match="above 1"):
        TrainSection(sharded=True)
    for options in ({"ema": 0.9}, {"compile": True}, {"precision": "16-mixed"}):
        with pytest.raises(ValueError, match="neither ema"):
            TrainSection(sharded=True, devices=2, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole network"):
        TrainSection(sharded=True, devices=2, gradient_norms=True)

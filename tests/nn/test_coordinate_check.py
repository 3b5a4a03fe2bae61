"""The coordinate check (bench/coordinate_check.py): flat over a 16-fold range of widths with width transfer, and not without it."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.recipe import Named, TrainSection
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.modalities.molecules.samples import SMILES, batch_of, random_values
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.width_transfer import transfer_width

_PATH = Path(__file__).parents[2] / "bench" / "coordinate_check.py"
_SPEC = importlib.util.spec_from_file_location("coordinate_check", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
check = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(check)

WIDTHS = (16, 64, 256)
ENCODINGS = EncodingConfig(random_walk=4)
LABELS = (Label("a"), Label("b", kind="binary"))
SPEC = MoleculeSpec(LABELS, encodings=ENCODINGS)
RATES = {"gine": 1e-2, "dmpnn": 2e-3, "mpnn": 2e-3, "gps": 1e-2}


def options(name: str, width: int) -> dict[str, Any]:
    """Depth 2; what else has to grow with the width does."""
    return {
        "gine": {"depth": 2},
        "dmpnn": {},
        "mpnn": {"depth": 2, "edge_width": width // 2, "pooling": "mean"},
        "gps": {"depth": 2, "heads": width // 8},
    }[name]


def made(name: str, width: int, task: Any) -> Any:
    config = registry.module("models", name).Config(width=width, **options(name, width))
    return build_network(trainable("molecules", "fit"), Named(name, config, "models"), SPEC, task)


def multitask() -> Any:
    return build_task(Named("multitask", registry.module("tasks", "multitask").Config(), "tasks"), SPEC)


def found(name: str, *, transfer: bool) -> dict[str, float]:
    task = multitask()
    generator = np.random.default_rng(0)
    targets = random_values(LABELS, len(SMILES), generator)
    batch = batch_of(SMILES, encodings=ENCODINGS, labels=LABELS)
    batch = replace(batch, targets={"graph": torch.from_numpy(targets)})
    moved: dict[int, list[dict[str, float]]] = {width: [] for width in WIDTHS}
    for width in WIDTHS:
        for seed in range(3):
            torch.manual_seed(seed)
            network = made(name, width, task)
            if transfer:
                with torch.device("meta"):
                    base = made(name, WIDTHS[0], task)
                transfer_width(network, base)
            moved[width].append(check.movements(network, task, batch, TrainSection(learning_rate=RATES[name]), 4))
    return check.slopes(moved)


@pytest.mark.parametrize("name", list(RATES))
def test_flat_with_width_transfer(name: str) -> None:
    slope = found(name, transfer=True)
    assert {"node_inputs", "layers.0", "heads.graph"} <= set(slope)
    assert max(map(abs, slope.values())) < 0.2, slope


@pytest.mark.parametrize("name", ["gine", "dmpnn", "mpnn"])
def test_not_flat_without(name: str) -> None:
    slope = found(name, transfer=False)
    assert max(slope.values()) > 0.2, slope


def test_slope_of_a_power() -> None:
    moved = {width: [{"layer": 3.0 * width**0.5}] for width in WIDTHS}
    assert check.slopes(moved) == pytest.approx({"layer": 0.5})


def test_every_layer_is_watched() -> None:
    assert list(check.watched(made("gine", 16, multitask()))) == [
        "node_inputs",
        "edge_inputs",
        "layers.0",
        "layers.1",
        "heads.graph",
    ]

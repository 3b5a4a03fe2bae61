"""The kit finds what it is there to find: models that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Literal

import pytest
import torch
from torch import nn

from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.testing import check_model
from hooke.testing.contract import ContractError
from hooke.testing.models import MODEL_CHECKS, check_batch, other_values
from hooke.testing.samples import SMILES, batch_of


@dataclass(frozen=True)
class Config:
    width: int = 4


class Model(MoleculeModel):
    """Sum over atoms of an embedding of the element; `fault` breaks one promise."""

    fault = ""

    def __init__(self, config: Config, spec: MoleculeSpec) -> None:
        super().__init__()
        fault = self.fault
        self.node_width = self.graph_width = config.width
        self.edge_width = 0
        self.table = nn.Parameter(torch.randn(120, config.width))
        self.unused = nn.Parameter(torch.zeros(1)) if fault == "unused" else None
        self.hidden = torch.randn(config.width).double() if fault == "hidden" else torch.zeros(config.width)
        if fault == "constant":
            self.table.data.fill_(1.0)

    def forward(self, batch) -> MoleculeOutput:
        nodes = self.table[batch.atom_codes[:, 0]] + self.hidden.to(self.table.dtype)
        if self.fault == "order":
            nodes = nodes * torch.arange(len(nodes))[:, None]
        if self.fault == "batch":
            nodes = nodes - nodes.mean(0)
        if self.fault == "random":
            nodes = nodes + torch.rand(nodes.shape)
        if self.fault == "large":
            nodes = nodes / (len(nodes) < 200)
        if self.fault == "precision" and torch.is_autocast_enabled("cpu"):
            nodes = nodes * 2
        graphs = torch.zeros(batch.num_graphs, nodes.shape[1], dtype=nodes.dtype).index_add(0, batch.node_graph, nodes)
        return MoleculeOutput(nodes, None, graphs if self.fault != "shape" else graphs[:, :-1])


def file(fault: str = "", config: type = Config, **members: object) -> SimpleNamespace:
    model = type("Model", (Model,), {"fault": fault, **members})
    return SimpleNamespace(__name__="toy", Config=config, PRESETS={"tiny": config()}, Model=model)


def test_a_sound_model_passes() -> None:
    check_model(file())
    check_model("gin")


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("shape", "interface", "graph_width"),
        ("order", "permutation", "order of their atoms"),
        ("batch", "batch_of_one", "alone differs"),
        ("unused", "gradients", "unused"),
        ("hidden", "state_round_trip", "state_dict does not hold"),
        ("constant", "state_round_trip", "seed does not change"),
        ("random", "determinism", "differ"),
        ("large", "odd_molecules", "not finite"),
        ("precision", "half_precision", "bfloat16"),
    ],
)
def test_each_fault_is_found(fault: str, check: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        MODEL_CHECKS[check](file(fault))


def test_options_without_effect_are_found() -> None:
    @dataclass(frozen=True)
    class Idle:
        width: int = 4
        idle: Literal["a", "b"] = "a"

    with pytest.raises(ContractError, match=r"Config\.idle = 'b' changes nothing"):
        MODEL_CHECKS["options"](file(config=Idle))


def test_presets_and_exemptions() -> None:
    module = file(gradient_exempt={"table": "it does get one"})
    with pytest.raises(ContractError, match="excuses no parameter"):
        MODEL_CHECKS["gradients"](module)
    module.PRESETS = {}
    with pytest.raises(ContractError, match="no 'tiny'"):
        MODEL_CHECKS["interface"](module)
    module.PRESETS = {"tiny": 3}
    with pytest.raises(ContractError, match="not a Config"):
        MODEL_CHECKS["interface"](module)
    module.Model = nn.Linear
    with pytest.raises(ContractError, match="not a MoleculeModel"):
        MODEL_CHECKS["interface"](module)


def test_other_values() -> None:
    assert other_values("a", Literal["a", "b", "c"]) == ["b", "c"]
    assert other_values(True, bool) == [False]
    assert (other_values(2, int), other_values(64, int), other_values(0.5, float)) == ([3], [72], [0.75])
    with pytest.raises(ContractError, match="cannot be varied"):
        other_values("text", str)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: {"edge_index": batch.edge_index.flip(1)}, "sorted"),
        (lambda batch: {"edge_reverse": batch.edge_reverse.roll(1)}, "swap"),
        (lambda batch: {"edge_bond": torch.arange(len(batch.edge_bond))}, "another bond"),
        (lambda batch: {"edge_codes": torch.arange(len(batch.edge_bond))[:, None].expand(-1, 4)}, "other codes"),
        (lambda batch: {"node_graph": torch.arange(batch.num_nodes)}, "joins two"),
        (lambda batch: {"node_offsets": batch.node_offsets.flip(0)}, "offsets"),
        (lambda batch: {"targets": {"node": torch.zeros(3, 1)}}, "3 rows of node targets"),
    ],
)
def test_broken_batches_are_found(change: Callable, message: str) -> None:
    batch = batch_of(SMILES)
    check_batch(batch)
    with pytest.raises(ContractError, match=message):
        check_batch(replace(batch, **change(batch)))

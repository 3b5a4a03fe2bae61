"""The virtual node by hand, and in every model that may have one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.core import registry
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.modalities.molecules.symmetries import permuted
from hooke.nn.graphs.pooling import VirtualNode

MODELS = ("dmpnn", "gated_gcn", "gcn", "gin", "gine", "gps", "graph_transformer", "mpnn")
POOLS = {"sum": 3.0, "mean": 1.0, "logsum": float(np.log(4))}


@pytest.mark.parametrize("kind", POOLS)
def test_by_hand(kind: str) -> None:
    torch.manual_seed(0)
    batch, module = batch_of(["C", "CCO"]), VirtualNode(2, kind).double()
    nodes = torch.randn(4, 2, dtype=torch.float64)
    heard = torch.stack([nodes[0] * (np.log(2) if kind == "logsum" else 1), nodes[1:].mean(0) * POOLS[kind]])
    first = module.mlp(heard)
    found, state = module(nodes, None, batch)
    torch.testing.assert_close(state, first)
    torch.testing.assert_close(found, nodes + first[[0, 1, 1, 1]])
    _, second = module(nodes, state, batch)
    torch.testing.assert_close(second, first + module.mlp(first + heard))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_keeps_its_contract_with_it(name: str) -> None:
    module = registry.module("models", name)
    torch.manual_seed(0)
    model = module.Model(replace(module.PRESETS["tiny"], virtual_node="logsum")).double()
    batch = batch_of(SMILES)
    other, follow = permuted(batch, np.random.default_rng(0))
    before, after = model(batch), model(other)
    torch.testing.assert_close(after.graphs, before.graphs)
    torch.testing.assert_close(after.nodes, follow("node", before.nodes))
    for row in (0, 3):
        torch.testing.assert_close(model(batch_of([SMILES[row]])).graphs, before.graphs[row : row + 1])
    (before.graphs * torch.randn_like(before.graphs)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.virtual_nodes.parameters())
    salt = model(batch_of(["[Na+].[Cl-]"])).nodes  # two parts that only the virtual node joins
    assert not torch.allclose(salt[0], model(batch_of(["[Na+]"])).nodes[0])

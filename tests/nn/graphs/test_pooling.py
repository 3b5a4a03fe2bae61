from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch

from hooke.core import registry
from hooke.modalities.molecules.samples import ENCODINGS, SMILES, batch_of
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.pooling import Pooling


@pytest.mark.parametrize(
    ("kind", "pool"),
    [
        ("sum", lambda rows: rows.sum(0)),
        ("mean", lambda rows: rows.mean(0)),
        ("max", lambda rows: rows.max(0).values),
        ("scaled_sum", lambda rows: rows.sum(0) / 100),
        ("std", lambda rows: (rows.var(0, correction=0) + 1e-5).sqrt()),
        ("logsum", lambda rows: rows.mean(0) * math.log(1 + len(rows))),
        (("mean", "max"), lambda rows: torch.cat([rows.mean(0), rows.max(0).values])),
        ("sum_mean_max", lambda rows: torch.cat([rows.sum(0) / 100, rows.mean(0) / 4, rows.max(0).values / 8])),
    ],
)
def test_equals_a_loop(batch, kind, pool) -> None:
    nodes = torch.randn(batch.num_nodes, 3, dtype=torch.float64, requires_grad=True)
    pooling = Pooling(kind)
    found = pooling(nodes, batch)
    assert found.shape == (batch.num_graphs, pooling.width(3))
    expected = torch.stack([pool(nodes[batch.node_graph == graph]) for graph in range(batch.num_graphs)])
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, dtype=torch.float64)
    torch.testing.assert_close(*(torch.autograd.grad((rows * weights).sum(), nodes)[0] for rows in (found, expected)))


WITH_POOLING = [
    name
    for name in registry.names("models")
    if registry.modality_of("models", name) == "molecules"
    and any(option.name == "pooling" for option in fields(registry.module("models", name).Config))
]


@pytest.mark.parametrize("name", WITH_POOLING)
def test_every_model_pools_its_nodes_in_three_ways(name: str) -> None:
    module = registry.module("models", name)
    model = module.Model(replace(module.PRESETS["tiny"], pooling="sum_mean_max"), MoleculeSpec(encodings=ENCODINGS))
    batch = batch_of(SMILES, encodings=ENCODINGS)
    output = model.eval()(batch)
    assert output.graphs.shape == (len(SMILES), model.graph_width)
    assert model.graph_width == model.width == 3 * model.node_width
    views = zip(output.graphs.chunk(model.views, dim=1), output.nodes.chunk(model.views, dim=1), strict=True)
    for pooled, nodes in views:
        first = nodes[: batch.node_offsets[1]]
        torch.testing.assert_close(pooled[0], torch.cat([first.sum(0) / 100, first.mean(0) / 4, first.amax(0) / 8]))

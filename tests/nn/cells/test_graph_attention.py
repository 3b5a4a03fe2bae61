"""Attention over a graph of genes against loops over edges in float64, and what gates mean."""

from __future__ import annotations

import numpy as np
import torch

from hooke.cells.graph import EdgeSource, Graph, graph_of
from hooke.modalities import modality
from hooke.nn.cells.graph_attention import GraphAttention, GraphEncoder, GraphMixture, incoming

GRAPH: Graph = modality("perturbations").sample().spec.graph
SIZES = {"node_width": 8, "layers": 2, "heads": 2, "neighbours": 20, "dropout": 0.0, "width": 6}


def encoder(graph: Graph = GRAPH, seed: int = 0, **changed: object) -> GraphEncoder:
    torch.manual_seed(seed)
    return GraphEncoder(graph, **{"inputs": "both", **SIZES, **changed}).double().eval()  # type: ignore[arg-type]


def test_incoming_edges_are_the_heaviest_and_a_loop() -> None:
    ends, edge = incoming(GRAPH, 1)
    genes = GRAPH.genes
    into = {genes[gene]: [genes[source] for source in ends[0, ends[1] == gene]] for gene in range(len(genes))}
    assert into["A"] == ["C", "A"]
    assert into["C"] == ["A", "C"]
    assert into["G"] == ["G"]
    assert (edge < 0).sum() == len(genes)
    assert np.all(np.diff(ends[1]) >= 0)
    assert len(incoming(GRAPH, 99)[1]) == 2 * len(GRAPH.first) + len(genes)


def test_a_layer_is_its_formula() -> None:
    torch.manual_seed(0)
    layer = GraphAttention(5, 8, 2, 3).double()
    ends, edge = incoming(GRAPH, 99)
    genes, gates = torch.randn(len(GRAPH), 5).double(), torch.rand(len(edge)).double()
    types = torch.rand(len(edge), 3).double()
    found = layer(genes, torch.from_numpy(ends), types, gates)
    for gene in range(len(GRAPH)):
        numbers = np.flatnonzero(ends[1] == gene)
        for head in range(2):
            part = slice(4 * head, 4 * head + 4)
            weights, messages = [], []
            for number in numbers:
                sent = layer.source(genes[ends[0, number]])
                mixed = torch.nn.functional.leaky_relu(
                    sent + layer.target(genes[gene]) + layer.edge(types[number]), 0.2
                )
                weights.append(gates[number] * torch.exp((mixed[part] * layer.attention[head]).sum()))
                messages.append(sent[part])
            share = torch.stack(weights) / torch.stack(weights).sum()
            expected = (share[:, None] * torch.stack(messages)).sum(0)
            assert torch.allclose(found[gene, part], expected, atol=1e-12)


def test_a_closed_gate_is_a_deleted_edge() -> None:
    edge = 3
    kept = np.delete(np.arange(len(GRAPH.first)), edge)
    shorter = Graph(
        GRAPH.genes, GRAPH.first[kept], GRAPH.second[kept], GRAPH.weights[kept], GRAPH.members[kept], GRAPH.sources
    )  # fmt: skip
    whole, other = encoder(inputs="embedding"), encoder(shorter, inputs="embedding", seed=1)
    weights = {name: value for name, value in whole.state_dict().items() if name not in ("ends", "types", "edge")}
    other.load_state_dict(weights, strict=False)
    gates = torch.ones(len(GRAPH.first)).double()
    assert torch.equal(whole(gates), whole())
    gates[edge] = 0
    assert torch.allclose(whole(gates), other(), atol=1e-12)
    assert not torch.allclose(whole(gates), whole())


def test_the_order_of_genes_means_nothing_to_spectral_features() -> None:
    model, order = encoder(inputs="spectral"), np.random.default_rng(1).permutation(len(GRAPH))
    turned = encoder(GRAPH.over([GRAPH.genes[place] for place in order]), inputs="spectral")
    own = {
        name: value for name, value in model.state_dict().items() if name not in ("ends", "types", "edge", "spectrum")
    }
    turned.load_state_dict(own, strict=False)
    turned.spectrum.copy_(model.spectrum[torch.from_numpy(order)])
    assert torch.allclose(turned(), model()[torch.from_numpy(order)], atol=1e-12)


def test_isolated_genes_have_no_place_in_the_spectrum() -> None:
    model = encoder(inputs="spectral")
    lone = [GRAPH.place["G"], GRAPH.place["H"]]
    assert not model.spectrum[lone].any()
    linked = model.spectrum[GRAPH.degrees > 0]
    assert torch.allclose(linked.square().mean(0), torch.ones(linked.shape[1]).double(), atol=1e-5)


def test_a_mixture_names_edges_of_the_whole_graph() -> None:
    torch.manual_seed(0)
    parts = [
        encoder(GRAPH.without("two"), numbers=np.flatnonzero(GRAPH.members[:, 0]), inputs="embedding"),
        encoder(GRAPH.without("one"), numbers=np.flatnonzero(GRAPH.members[:, 1]), inputs="embedding"),
    ]
    model = GraphMixture(parts, 6).double()
    gates = torch.ones(len(GRAPH.first)).double().requires_grad_()
    [gradient] = torch.autograd.grad(model(gates).square().sum(), [gates])
    assert gradient.shape == gates.shape
    assert bool(gradient.any())
    stated = set(np.concatenate([part.edge[part.edge >= 0].unique().numpy() for part in parts]).tolist())
    assert stated == set(range(len(GRAPH.first)))


def test_no_edges_leave_the_loops() -> None:
    import polars as pl

    graph = graph_of({EdgeSource("one", ""): pl.DataFrame({"first": ["A"], "second": ["B"], "weight": [1.0]})}).over(
        ["C", "D"]
    )
    assert encoder(graph)().shape == (2, 6)

"""GPS++ against a loop over atoms, stage by stage, and its size against the published table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erf
from torch import nn

from hooke.core.errors import UsageError
from hooke.modalities.molecules.samples import batch_of, with_node_inputs
from hooke.models import gps_plus_plus
from hooke.models.gps_plus_plus import PRESETS, Config, Model
from hooke.molecules.encodings.config import POSITIONS, EncodingConfig
from hooke.molecules.spec import MoleculeSpec

OPTIONS = {
    "width": 8, "edge_width": 6, "global_width": 4, "depth": 3, "heads": 2, "expansion": 2, "embedding_width": 5,
    "encoding_width": 3, "farthest": 3, "kernels": 4,
}  # fmt: skip


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


class Loop:
    """The states of every stage, computed atom by atom; `ref` gives weights by name, and the batch."""

    def __init__(self, ref, config: Config) -> None:
        self.ref, self.config, self.batch = ref, config, ref.batch
        self.graph = self.batch.node_graph.tolist()
        self.atoms = [
            list(range(a, b)) for a, b in itertools.pairwise(self.batch.node_offsets.tolist())
        ]  # of each molecule
        positions = self.batch.node_encodings.get(POSITIONS)
        self.positions = None if positions is None else positions.double().numpy()

    def norm_mlp(self, name: str, x: np.ndarray, sigma: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Layers of a sequence in order; an activation follows each normalisation but the first of an encoder."""
        places = sorted({int(key.split(".")[-2]) for key in self.ref.weights if key.startswith(f"{name}.")})
        seen_linear = False
        for place in places:
            if self.ref.weights[f"{name}.{place}.weight"].ndim == 1:
                x = self.ref.layer_norm(f"{name}.{place}", x)
                x = sigma(x) if seen_linear else x
            else:
                x, seen_linear = self.ref.linear(f"{name}.{place}", x), True
        return x

    def known(self, molecule: int) -> bool:
        return self.positions is not None and bool(np.isfinite(self.positions[self.atoms[molecule]]).all())

    def kernels(self, distance: float) -> np.ndarray:
        mu = self.ref.weights["inputs.distances.kernels.centre"]
        sigma = np.abs(self.ref.weights["inputs.distances.kernels.width"]) + 0.01
        return 0.1 * np.exp(-((distance - mu) ** 2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)

    def distance(self, v: int, u: int) -> float:
        return float(np.linalg.norm(self.positions[v] - self.positions[u]))

    def inputs(self) -> tuple[list[np.ndarray], dict, list[np.ndarray]]:
        ref, small = self.ref, self.config.encoding_width
        nodes = []
        for v in range(self.batch.num_nodes):
            parts = [self.norm_mlp("inputs.atom_mlp", ref.atom(v, "inputs"), gelu)]
            parts.append(ref.weights["inputs.degree.weight"][min(len(ref.neighbours[v]), 7)])
            for name in ref.encodings.node_widths:
                row = self.batch.node_encodings[name][v].double().numpy()
                parts.append(self.norm_mlp(f"inputs.node.{name}", row, relu))
            for name in ref.encodings.graph_widths:
                row = self.batch.graph_encodings[name][self.graph[v]].double().numpy()
                parts.append(self.norm_mlp(f"inputs.graph.{name}", row, relu))
            if self.config.positions:
                total = np.zeros(small)
                if self.known(self.graph[v]):
                    total = sum(self.kernels(self.distance(v, u)) for u in self.atoms[self.graph[v]])
                    total = ref.linear("inputs.centrality", total)
                parts.append(total)
            nodes.append(ref.linear("inputs.to_nodes", np.concatenate(parts)))
        bonds = {}
        for u, v in ref.edges:
            parts = [self.norm_mlp("inputs.bond_mlp", ref.bond((u, v), "inputs.bonds"), gelu)]
            if self.config.positions:
                known = self.known(self.graph[u])
                length = self.norm_mlp("inputs.length", self.kernels(self.distance(u, v)), relu) if known else 0
                parts.append(np.zeros(small) + length)
            bonds[u, v] = ref.linear("inputs.to_edges", np.concatenate(parts))
        return nodes, bonds, [ref.weights["inputs.start"]] * self.batch.num_graphs

    def bias(self, v: int, u: int) -> np.ndarray:
        code = self.ref.path_code(v, u, self.config.farthest)
        bias = self.ref.weights["inputs.paths.rows.weight"][code]
        if self.config.positions and self.known(self.graph[v]):
            bias = bias + self.ref.mlp("inputs.distances.mlp", self.kernels(self.distance(v, u)), gelu)
        return bias

    def messages(self, name: str, x: list, e: dict, g: list) -> tuple[list, dict, list | None]:
        ref, width = self.ref, self.config.edge_width
        edge = {
            (u, v): self.norm_mlp(f"{name}.edge_mlp", np.concatenate([x[v], x[u], e[u, v], g[self.graph[v]]]), gelu)
            for u, v in ref.edges
        }
        node = []
        for v in range(len(x)):
            arriving = sum((np.concatenate([edge[u, v], x[u]]) for u in ref.neighbours[v]), np.zeros(width + len(x[v])))
            leaving = sum((np.concatenate([edge[v, w], x[w]]) for w in ref.neighbours[v]), np.zeros(width + len(x[v])))
            node.append(
                self.norm_mlp(f"{name}.node_mlp", np.concatenate([arriving, leaving, x[v], g[self.graph[v]]]), gelu)
            )
        if f"{name}.global_mlp.0.weight" not in ref.weights:
            return node, edge, None
        total = []
        for molecule, state in enumerate(g):
            nodes = sum(node[v] for v in self.atoms[molecule])
            edges = sum((row for (u, _), row in edge.items() if self.graph[u] == molecule), np.zeros(width))
            total.append(self.norm_mlp(f"{name}.global_mlp", np.concatenate([state, nodes, edges]), gelu))
        return node, edge, total

    def attention(self, name: str, x: list) -> list:
        return self.ref.attention(name, x, self.config.heads, self.bias)

    def layer(self, number: int, x: list, e: dict, g: list) -> tuple[list, dict, list]:
        name, ref = f"layers.{number}", self.ref
        node, edge, total = self.messages(f"{name}.local", x, e, g)
        attended = self.attention(f"{name}.attention", x)
        out = []
        for v, row in enumerate(x):
            s = ref.layer_norm(f"{name}.local_norm", row + node[v])
            s = s + ref.layer_norm(f"{name}.attention_norm", row + attended[v])
            out.append(ref.layer_norm(f"{name}.norm", s + ref.mlp(f"{name}.feed_forward", s, gelu)))
        changed = {key: row + edge[key] for key, row in e.items()}
        return out, changed, g if total is None else [a + b for a, b in zip(g, total, strict=True)]


def close(found: torch.Tensor, expected: list) -> None:
    np.testing.assert_allclose(found.detach().numpy(), np.stack(expected), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("positions", [False, True])
def test_every_stage_agrees_with_a_loop_over_atoms(reference, positions: bool) -> None:
    config = Config(**OPTIONS, positions=positions)
    ref = reference(gps_plus_plus, **OPTIONS, positions=positions)
    if positions:  # the second molecule has no conformer
        where = torch.from_numpy(np.random.default_rng(0).normal(size=(ref.batch.num_nodes, 3))).float()
        where[ref.batch.node_offsets[1]] = torch.nan
        ref.batch = replace(ref.batch, node_encodings={**ref.batch.node_encodings, POSITIONS: where})
    loop = Loop(ref, config)
    x, e, g = loop.inputs()
    nodes, bonds, state, around = ref.model.inputs(ref.batch)
    close(nodes, x)
    close(bonds, [e[edge] for edge in ref.edges])
    close(state, g)
    for number, layer in enumerate(ref.model.layers):
        update, change, total = layer.local(nodes, bonds, state, around, ref.batch)
        node, edge, whole = loop.messages(f"layers.{number}.local", x, e, g)
        close(update, node)
        close(change, [edge[key] for key in ref.edges])
        assert (total is None) == (whole is None) == (number == config.depth - 1)
        if total is not None:
            close(total, whole)
        close(layer.attention(nodes, around), loop.attention(f"layers.{number}.attention", x))
        nodes, bonds, state = layer(nodes, bonds, state, around, ref.batch)
        x, e, g = loop.layer(number, x, e, g)
        close(nodes, x)
        close(bonds, [e[key] for key in ref.edges])
        close(state, g)
    ref.check(x, lambda rows: rows.sum(0), e)


ENCODINGS = EncodingConfig(laplacian=7, random_walk=16)


def sizes(preset: str, **changes: object) -> tuple[int, Model]:
    """Parameters of the published network, with 3D input and the two-layer head of one label."""
    config = replace(PRESETS[preset], positions=True, **changes)
    with torch.device("meta"):
        model = Model(config, MoleculeSpec(encodings=ENCODINGS))
        head = nn.Sequential(
            nn.Linear(config.width, config.width), nn.LayerNorm(config.width), nn.Linear(config.width, 1)
        )
    return sum(p.numel() for p in itertools.chain(model.parameters(), head.parameters())), model


def millions(*modules: nn.Module) -> float:
    return sum(p.numel() for module in modules for p in module.parameters()) / 1e6


def test_the_published_sizes() -> None:
    total, model = sizes("44m")
    assert total / 1e6 == pytest.approx(44.3, rel=0.01)
    layers = list(model.layers)
    assert millions(*(layer.local.edge_mlp for layer in layers)) == pytest.approx(6.84, rel=0.01)
    assert millions(*(layer.local.node_mlp for layer in layers)) == pytest.approx(22.1, rel=0.01)
    # the table counts 16 global updates; nothing reads the last one, which is left out here
    assert 16 / 15 * millions(*(layer.local.global_mlp for layer in layers[:-1])) == pytest.approx(2.11, rel=0.01)
    assert int(sizes("11m")[0] / 1e6) == 11
    assert int(sizes("22m")[0] / 1e6) == 22


def test_presets_go_up_to_a_billion() -> None:
    assert sizes("xl")[0] == pytest.approx(1e9, rel=0.05)
    assert sizes("small")[0] < 2e6


def test_hiding_paths_and_coordinates() -> None:
    smiles = ["CCO", "CCCCC"]
    batch = with_node_inputs(batch_of(smiles), {POSITIONS: 3})
    torch.manual_seed(0)
    model = Model(replace(PRESETS["tiny"], hide_positions=1.0)).train()
    without = replace(batch, node_encodings={})
    hidden, plain = model(batch).graphs, model(without).graphs
    torch.testing.assert_close(hidden, plain)
    assert not torch.allclose(model.eval()(batch).graphs, plain)
    torch.manual_seed(0)
    model = Model(replace(PRESETS["tiny"], hide_paths=1.0)).train()
    before = model(batch).graphs
    model.inputs.paths.rows.weight.data.add_(torch.randn_like(model.inputs.paths.rows.weight))
    torch.testing.assert_close(model(batch).graphs, before)
    with pytest.raises(UsageError, match="at most 1"):
        Config(hide_paths=0.6, hide_positions=0.5)


def test_turned_moved_and_mirrored_molecules_are_the_same() -> None:
    batch = with_node_inputs(batch_of(["CCO", "c1ccccc1C(=O)N", "C[C@H](F)Cl"]), {POSITIONS: 3})
    torch.manual_seed(0)
    model = Model(PRESETS["tiny"]).double().eval()
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    for mirrored in (turn, -turn):
        places = batch.node_encodings[POSITIONS].double() @ mirrored + torch.tensor([10.0, -4.0, 2.0])
        moved = replace(batch, node_encodings={**batch.node_encodings, POSITIONS: places})
        torch.testing.assert_close(model(moved).graphs, model(batch).graphs, rtol=1e-6, atol=1e-6)
    stretched = replace(batch, node_encodings={**batch.node_encodings, POSITIONS: 1.1 * places})
    assert not torch.allclose(model(stretched).graphs, model(batch).graphs, rtol=1e-3)

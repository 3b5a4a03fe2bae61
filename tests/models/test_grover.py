"""GROVER against loops over atoms, bonds and heads; its depth; what its attention does not see."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hooke.models import grover
from hooke.models.grover import Block, Config, DynamicMessagePassing


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def block(ref, name: str, states: list, gather, *, heads: int, depth: int) -> list:
    width = len(states[0])
    rows = []
    for passing in range(3 * heads):
        h = states
        for _ in range(depth):
            heard = gather(h)
            h = [
                relu(s + ref.linear(f"{name}.passing.{passing}.hidden", m)) for s, m in zip(states, heard, strict=True)
            ]
        rows.append(h)
    out, part = [], width // heads
    for item, own in enumerate(states):
        q, k, v = (
            [ref.linear(f"{name}.projections.{place}", rows[place * heads + i][item]) for i in range(heads)]
            for place in range(3)
        )
        joined = []
        for i in range(heads):
            found = np.zeros(width)
            for head in range(heads):
                cut = slice(head * part, (head + 1) * part)
                scores = np.exp([q[i][cut] @ k[j][cut] / math.sqrt(part) for j in range(heads)])
                found[cut] = sum(s / scores.sum() * v[j][cut] for j, s in enumerate(scores))
            joined.append(ref.linear(f"{name}.projections.3", found))
        out.append(ref.layer_norm(f"{name}.norm", own + ref.linear(f"{name}.out", np.concatenate(joined))))
    return out


def test_parity(reference) -> None:
    ref = reference(grover, width=6, depth=2, heads=2, embedding_width=5, bond_width=4, encoding_width=3)
    atoms = [
        ref.node_features(v, "atoms") if ref.encodings.node_widths else ref.atom(v, "atoms")
        for v in range(ref.batch.num_nodes)
    ]
    bonds = {edge: ref.bond(edge, "bonds") for edge in ref.edges}
    zero = np.zeros(6)
    n = [relu(ref.linear("first_nodes", x)) for x in atoms]
    e = [relu(ref.linear("first_edges", np.concatenate([atoms[u], bonds[u, v]]))) for u, v in ref.edges]

    def to_atoms(h: list) -> list:
        return [
            sum((h[u] for u in ref.neighbours[v]), zero)
            + ref.linear("attached", sum((bonds[u, v] for u in ref.neighbours[v]), np.zeros(4)))
            for v in range(len(h))
        ]

    def to_bonds(h: list) -> list:
        return [sum((h[ref.number[w, u]] for w in ref.neighbours[u] if w != v), zero) for u, v in ref.edges]

    n = block(ref, "node_blocks.0", n, to_atoms, heads=2, depth=2)
    e = block(ref, "edge_blocks.0", e, to_bonds, heads=2, depth=2)

    def output(name: str, features: np.ndarray, gathered: np.ndarray) -> np.ndarray:
        return ref.layer_norm(f"{name}.norm", ref.mlp(f"{name}.layers", np.concatenate([features, gathered]), relu))

    nodes = []
    for v, own in enumerate(atoms):
        from_atoms = output("atom_from_atoms", own, sum((n[u] for u in ref.neighbours[v]), zero))
        from_bonds = output("atom_from_bonds", own, sum((e[ref.number[u, v]] for u in ref.neighbours[v]), zero))
        nodes.append(np.concatenate([from_atoms, from_bonds]))
    gathered = to_bonds(e)
    edges = {
        (u, v): np.concatenate(
            [output("bond_from_atoms", bonds[u, v], n[u] + n[v]), output("bond_from_bonds", bonds[u, v], gathered[row])]
        )
        for row, (u, v) in enumerate(ref.edges)
    }
    ref.check(nodes, lambda rows: rows.mean(0), edges)


def test_depth_is_drawn_in_training() -> None:
    torch.manual_seed(0)
    passing = DynamicMessagePassing(Config(width=4, depth=6))
    drawn = [passing.steps() for _ in range(400)]
    assert min(drawn) >= 3
    assert max(drawn) <= 9
    assert abs(float(np.mean(drawn)) - 6) < 0.2
    assert min(DynamicMessagePassing(Config(width=4, depth=1)).steps() for _ in range(50)) == 1
    assert DynamicMessagePassing(Config(width=4, depth=6, dynamic=False)).steps() == 6
    assert passing.eval().steps() == 6


def test_attention_does_not_look_at_other_items() -> None:
    torch.manual_seed(0)
    module = Block(Config(width=8, heads=2, depth=1), "nodes").eval()
    states = torch.randn(5, 8)
    together = module(states, torch.zeros_like)
    torch.testing.assert_close(together[2:3], module(states[2:3], torch.zeros_like))


def test_presets() -> None:
    with torch.device("meta"):
        sizes = {
            name: sum(p.numel() for p in grover.Model(config).parameters()) for name, config in grover.PRESETS.items()
        }
    assert list(sizes.values()) == sorted(sizes.values())
    assert sizes["xl"] == pytest.approx(1e9, rel=0.1)

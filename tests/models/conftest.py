"""Slow references in numpy float64: one Python loop over atoms, weights read by name, nothing shared with the library."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from hooke.atoms.batch import AtomsBatch
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES, group_of, period_of

ENCODINGS = {"none": EncodingConfig(), "all": EncodingConfig(laplacian=2, random_walk=3)}


class Reference:
    """A model's weights and a batch as plain numpy, with the layers written out."""

    def __init__(self, module: ModuleType, encodings: EncodingConfig, **options: object) -> None:
        torch.manual_seed(3)
        config = module.Config(**options)
        self.model = module.Model(config, MoleculeSpec(encodings=encodings)).double().eval()
        for parameter in self.model.parameters():  # biases, epsilon and norms away from their start
            parameter.data += 0.05 * torch.randn_like(parameter)
        self.weights = {name: tensor.detach().numpy() for name, tensor in self.model.state_dict().items()}
        self.batch: MoleculeBatch = batch_of(SMILES, encodings=encodings)
        self.encodings = encodings
        self.edges = [tuple(edge) for edge in self.batch.edge_index.T.tolist()]
        self.number = {edge: row for row, edge in enumerate(self.edges)}
        self.neighbours = [[u for u, w in self.edges if w == v] for v in range(self.batch.num_nodes)]

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        bias = self.weights.get(f"{name}.bias")
        product = self.weights[f"{name}.weight"] @ x
        return product if bias is None else product + bias

    def mlp(self, name: str, x: np.ndarray, sigma: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Linear layers of a sequence, with layer normalisation where the sequence has it."""
        places = sorted({int(key.split(".")[-2]) for key in self.weights if key.startswith(f"{name}.")})
        for count, place in enumerate(places):
            if self.weights[f"{name}.{place}.weight"].ndim == 1:
                x = self.layer_norm(f"{name}.{place}", x)
                continue
            if count > 0:
                x = sigma(x)
            x = self.linear(f"{name}.{place}", x)
        return x

    def layer_norm(self, name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean()
        return (
            centred / math.sqrt(float((centred**2).mean()) + 1e-5) * self.weights[f"{name}.weight"]
            + self.weights[f"{name}.bias"]
        )

    def atom(self, v: int, prefix: str) -> np.ndarray:
        """Sum of the rows of the atom's codes and derived features."""
        codes = self.batch.atom_codes[v].tolist()
        orders = [(1, 2, 3, 1.5, 1, 0, 0)[int(self.batch.edge_codes[self.number[u, v], 0])] for u in self.neighbours[v]]
        hydrogens = codes[2] if codes[2] < 9 else 0
        derived = [
            group_of(codes[0]),
            period_of(codes[0]),
            min(len(orders), 7),
            min(round(sum(orders)) + hydrogens, 9),
        ]
        sizes = [vocabulary.size for vocabulary in ATOM_VOCABULARIES] + [19, 8, 8, 10]
        return self._rows(
            f"{prefix}.atoms.table.rows.weight",
            [*codes, *derived],
            sizes,
            counts=(2, 3, len(sizes) - 2, len(sizes) - 1),
        )

    def bond(self, edge: tuple[int, int], name: str) -> np.ndarray:
        codes = self.batch.edge_codes[self.number[edge]].tolist()
        return self._rows(f"{name}.table.rows.weight", codes, [vocabulary.size for vocabulary in BOND_VOCABULARIES])

    def _rows(self, name: str, codes: list[int], sizes: list[int], counts: tuple[int, ...] = ()) -> np.ndarray:
        assert len(self.weights[name]) == sum(sizes)
        starts = np.cumsum([0, *sizes[:-1]])
        total = np.zeros(self.weights[name].shape[1])
        for column, (start, code) in enumerate(zip(starts, codes, strict=True)):
            first = 0 if column in counts else code  # a count adds the rows of all smaller counts
            total += self.weights[name][start + first : start + code + 1].sum(axis=0)
        return total

    def node_features(self, v: int, prefix: str) -> np.ndarray:
        """The embedded codes, and after them the encoded encodings."""
        features = self.atom(v, prefix)
        if not self.encodings.node_widths:
            return features
        molecule = int(self.batch.node_graph[v])
        encoded = 0.0
        for kind, values, row in (
            ("node", self.batch.node_encodings, v),
            ("graph", self.batch.graph_encodings, molecule),
        ):
            for name, rows in values.items():
                encoded = encoded + self.mlp(f"{prefix}.encodings.{kind}.{name}", rows[row].double().numpy(), relu)
        return np.concatenate([features, encoded])

    def inputs(self, sigma: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
        """Node states after the pre-layers."""
        prefix = "node_inputs.features"
        return [
            self.mlp("node_inputs.layers", self.node_features(v, prefix), sigma) for v in range(self.batch.num_nodes)
        ]

    def edge_inputs(self, sigma: Callable[[np.ndarray], np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
        return {
            edge: self.mlp("edge_inputs.layers", self.bond(edge, "edge_inputs.bonds"), sigma) for edge in self.edges
        }

    def attention(
        self, name: str, x: list[np.ndarray], heads: int, bias: Callable[[int, int], np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """Attention among the atoms of each molecule, with a bias (one number a head) of atom v for atom u."""
        query, key, value = np.split(np.stack([self.linear(f"{name}.qkv", row) for row in x]), 3, axis=1)
        part, graph, found = len(x[0]) // heads, self.batch.node_graph.tolist(), []
        for v in range(len(x)):
            others = [u for u in range(len(x)) if graph[u] == graph[v]]
            added = [np.zeros(heads) if bias is None else bias(v, u) for u in others]
            rows = []
            for head in range(heads):
                cut = slice(head * part, (head + 1) * part)
                scores = np.array(
                    [
                        query[v, cut] @ key[u, cut] / math.sqrt(part) + b[head]
                        for u, b in zip(others, added, strict=True)
                    ]
                )
                weights = np.exp(scores - scores.max())
                rows.append(sum(w / weights.sum() * value[u, cut] for w, u in zip(weights, others, strict=True)))
            found.append(self.linear(f"{name}.out", np.concatenate(rows)))
        return found

    def path_code(self, v: int, u: int, farthest: int) -> int:
        """Bonds between two atoms, at most `farthest`; one more where there is no path."""
        far, steps, front = {v: 0}, 0, [v]
        while front:
            steps += 1
            front = [w for w in {w for x in front for w in self.neighbours[x]} if w not in far]
            far.update(dict.fromkeys(front, steps))
        return min(far[u], farthest) if u in far else farthest + 1

    def pooled(self, nodes: list[np.ndarray], pool: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        offsets = self.batch.node_offsets.tolist()
        return np.stack([pool(np.stack(nodes[a:b])) for a, b in itertools.pairwise(offsets)])

    def check(
        self, nodes: list[np.ndarray], pool: Callable[[np.ndarray], np.ndarray], edges: dict | None = None
    ) -> None:
        found = self.model(self.batch)
        np.testing.assert_allclose(found.nodes.detach().numpy(), np.stack(nodes), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(found.graphs.detach().numpy(), self.pooled(nodes, pool), rtol=1e-9, atol=1e-11)
        if edges is not None:
            expected = np.stack([edges[edge] for edge in self.edges])
            np.testing.assert_allclose(found.edges.detach().numpy(), expected, rtol=1e-9, atol=1e-11)


def require_plain(
    model: Any, config: Any, plain: Callable[[Any, Any, np.ndarray, np.ndarray], np.ndarray], batch: AtomsBatch
) -> None:
    """A potential gives each frame of a batch what a plain function of (model, config, numbers, positions) gives."""
    found = model(batch).detach().numpy()
    for frame in range(batch.num_items):
        here = (batch.frame == frame).numpy()
        expected = plain(model, config, batch.numbers.numpy()[here], batch.positions.numpy()[here])
        np.testing.assert_allclose(found[frame], expected, rtol=1e-10, atol=1e-10)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.fixture(params=list(ENCODINGS))
def reference(request: pytest.FixtureRequest) -> Callable[..., Reference]:
    """Make the reference of a model file; runs with and without encodings."""

    def make(module: ModuleType, **options: object) -> Reference:
        return Reference(module, ENCODINGS[request.param], **options)

    return make

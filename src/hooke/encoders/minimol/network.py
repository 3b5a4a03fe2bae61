"""MiniMol's encoder in our layers, and its published weights in our names.

    x_v = [Σ_j A(λ_j, v_j) → post  +  B(LayerNorm(walk)),  atom features]  → 256 → 128
    h_v ← GELU(LayerNorm(MLP(h_v + Σ_u ReLU(h_u + W e_uv)))) + h_v of two layers ago's sum      (16 GINE layers, 128 → 336 → 512)
    v   ← v + GELU(LayerNorm(W (v + ln(N) mean_v h_v))),   h_v ← h_v + P(v / 2)                (after each layer but the last)

and the embedding is the maximum over the atoms. The residual sum of a layer is taken before the virtual node is added to it; v / 2
is muP's rule for a readout of width 336 over the base width 168, which the weights alone do not show. Layers 0 and 15 have no residual.

Source: Kläser et al. 2024 (arXiv 2404.14986), graphium 2.4.7 and minimol 1.3.5: configuration and outputs of the code. Differs from
the code: evaluation only (no dropout, no random signs), no task heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.errors import DataError
from hooke.encoders.minimol.features import ATOMS, EIGENVALUES, EIGENVECTORS, STEPS, WALK
from hooke.encoders.minimol.features import WIDTH as ATOM_WIDTH
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import BOND_COLUMNS, BOND_VOCABULARIES
from hooke.nn.graphs.distinct import Distinct, group_equal
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.pooling import Pooling
from hooke.nn.graphs.rectified import rectified_sum
from hooke.nn.graphs.segment import Edges, at_graph, edges_of, graph_sum

DEPTH, HIDDEN, OUT = 16, 336, 512
_ENCODING, _NODES, _BONDS = 32, 128, 168
_ORDERS, _STEREO = 5, 7  # single, double, triple, aromatic, other; six kinds and other
_READOUT = 2.0  # muP: width 336 over base width 168


def _dense(before: int, after: int, activation: type[nn.Module] | None = None, *, norm: bool = True) -> list[nn.Module]:
    """Linear, LayerNorm, activation."""
    layers: list[nn.Module] = [nn.Linear(before, after)]
    if norm:
        layers.append(nn.LayerNorm(after))
    if activation is not None:
        layers.append(activation())
    return layers


class SpectrumEncoder(nn.Module):
    """Each (eigenvalue, eigenvector entry) through one MLP, summed over the pairs; padded (0, 0) pairs count too."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs = nn.Sequential(nn.Linear(2, 64), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
        self.post = nn.Linear(64, _ENCODING)

    def forward(self, batch: MoleculeBatch) -> Float[Tensor, "nodes 32"]:
        """Encode the spectra of a batch."""
        pairs = torch.stack([batch.node_encodings[EIGENVALUES], batch.node_encodings[EIGENVECTORS]], dim=2)
        return self.post(self.pairs(pairs.to(self.post.weight.dtype)).sum(1))


class Layer(nn.Module):
    """One GINE layer with ε = 0, without its residual."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.edge = nn.Linear(_BONDS, before)
        self.update = nn.Sequential(*_dense(before, before, nn.GELU), nn.Linear(before, after))
        self.norm = nn.LayerNorm(after)

    def forward(
        self, nodes: Float[Tensor, "nodes before"], bonds: Distinct, edges: Edges
    ) -> Float[Tensor, "nodes after"]:
        """New node states."""
        kinds = bonds.map(self.edge)
        summed = rectified_sum(nodes, kinds.rows, bonds.kinds, edges)
        return nn.functional.gelu(self.norm(self.update(nodes + summed)))


class VirtualNode(nn.Module):
    """A state of the whole molecule that hears from all atoms and speaks to all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.update = nn.Sequential(*_dense(HIDDEN, HIDDEN, nn.GELU))
        self.project = nn.Linear(HIDDEN, HIDDEN)

    def forward(
        self, nodes: Float[Tensor, "nodes 336"], state: Float[Tensor, "graphs 336"], batch: MoleculeBatch
    ) -> tuple[Float[Tensor, "nodes 336"], Float[Tensor, "graphs 336"]]:
        """New node states and the new state of the molecules."""
        counts = batch.node_offsets.diff().to(nodes.dtype)[:, None]
        pooled = counts.log() * graph_sum(nodes, batch) / counts
        state = state + self.update(state + pooled)
        return nodes + at_graph(self.project(state / _READOUT), batch), state


class MiniMol(nn.Module):
    """SMILES prepared by `encoders.minimol.features` to 512 numbers a molecule."""

    node_width = graph_width = OUT
    edge_width = 0

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = SpectrumEncoder()
        self.walk = nn.Sequential(nn.LayerNorm(STEPS), *_dense(STEPS, 64, nn.ReLU), *_dense(64, _ENCODING, nn.ReLU))
        self.node_inputs = nn.Sequential(*_dense(_ENCODING + ATOM_WIDTH, 256, nn.ReLU), *_dense(256, _NODES))
        self.edge_inputs = nn.Sequential(*_dense(_ORDERS + _STEREO + 1, 128, nn.ReLU), *_dense(128, _BONDS))
        widths = [_NODES, *[HIDDEN] * (DEPTH - 1), OUT]
        self.layers = nn.ModuleList(Layer(before, after) for before, after in pairwise(widths))
        self.virtual_nodes = nn.ModuleList(VirtualNode() for _ in range(DEPTH - 1))
        self.pooling = Pooling("max")

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """Represent the atoms and molecules of a batch.

        Raises:
            DataError: The batch was not prepared for MiniMol.
        """
        for name in (ATOMS, EIGENVALUES, EIGENVECTORS, WALK):
            if name not in batch.node_encodings:
                raise DataError(f"MiniMol needs {name!r}: prepare its molecules with hooke.encoders.minimol.features")
        edges = edges_of(batch)
        bonds = _bond_features(batch, next(self.edge_inputs.parameters()).dtype).map(self.edge_inputs)
        nodes = self.node_inputs(self._node_features(batch))
        state = nodes.new_zeros(batch.num_graphs, HIDDEN)
        residual = nodes.new_zeros(batch.num_nodes, HIDDEN)
        for number, layer in enumerate(self.layers):
            nodes = layer(nodes, bonds, edges)
            if number < len(self.virtual_nodes):
                nodes = residual = nodes + residual
                nodes, state = self.virtual_nodes[number](nodes, state, batch)
        return MoleculeOutput(nodes, None, self.pooling(nodes, batch))

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs 512"]:
        """One row a molecule."""
        return self.forward(batch).graphs

    def _node_features(self, batch: MoleculeBatch) -> Float[Tensor, "nodes 117"]:
        encoded = self.spectrum(batch)
        encoded = encoded + self.walk(batch.node_encodings[WALK].to(encoded.dtype))
        return torch.cat([encoded, batch.node_encodings[ATOMS].to(encoded.dtype)], dim=1)


def _bond_features(batch: MoleculeBatch, dtype: torch.dtype) -> Distinct:
    """One-hot order and stereo, and in-ring, for each different kind of bond."""
    order, stereo, ring = (batch.edge_codes[:, BOND_COLUMNS.index(name)] for name in ("order", "stereo", "in_ring"))
    order, ring = order.clamp(max=_ORDERS - 1), ring.clamp(max=1)
    groups = group_equal((order * _STEREO + stereo) * 2 + ring)
    parts = [
        nn.functional.one_hot(order[groups.first], _ORDERS),
        nn.functional.one_hot(stereo[groups.first], _STEREO),
        ring[groups.first][:, None],
    ]
    return Distinct(torch.cat(parts, dim=1).to(dtype), groups)


assert BOND_VOCABULARIES[BOND_COLUMNS.index("stereo")].size == _STEREO
_LINEAR, _NORM = "linear", "normalization"


def _names() -> dict[str, str]:
    """Our module -> the published one."""
    encoders = "model.encoder_manager.pe_encoders"
    found = {
        "spectrum.pairs.0": f"{encoders}.la_pos.linear_in.{_LINEAR}",
        "spectrum.pairs.1": f"{encoders}.la_pos.pe_encoder.fully_connected.0.{_LINEAR}",
        "spectrum.pairs.3": f"{encoders}.la_pos.pe_encoder.fully_connected.1.{_LINEAR}",
        "spectrum.post": f"{encoders}.la_pos.post_mlp.fully_connected.0.{_LINEAR}",
        "walk.0": f"{encoders}.rw_pos.pe_encoder.first_{_NORM}",
    }
    stacks = {"walk": (1, f"{encoders}.rw_pos.pe_encoder.fully_connected"), "node_inputs": (0, "model.pre_nn.layers"),
              "edge_inputs": (0, "model.pre_nn_edges.layers")}  # fmt: skip
    for ours, (first, theirs) in stacks.items():
        for number in range(2):  # linear, norm, activation each
            found[f"{ours}.{first + 3 * number}"] = f"{theirs}.{number}.{_LINEAR}"
            found[f"{ours}.{first + 3 * number + 1}"] = f"{theirs}.{number}.{_NORM}"
    for number in range(DEPTH):
        ours, theirs = f"layers.{number}", f"model.gnn.layers.{number}"
        found[f"{ours}.edge"] = f"{theirs}.model.lin"
        found[f"{ours}.update.0"] = f"{theirs}.model.nn.fully_connected.0.{_LINEAR}"
        found[f"{ours}.update.1"] = f"{theirs}.model.nn.fully_connected.0.{_NORM}"
        found[f"{ours}.update.3"] = f"{theirs}.model.nn.fully_connected.1.{_LINEAR}"
        found[f"{ours}.norm"] = f"{theirs}.norm_layer"
    for number in range(DEPTH - 1):
        ours, theirs = f"virtual_nodes.{number}", f"model.gnn.virtual_node_layers.{number}"
        found[f"{ours}.update.0"] = f"{theirs}.fc_layer.{_LINEAR}"
        found[f"{ours}.update.1"] = f"{theirs}.fc_layer.{_NORM}"
        found[f"{ours}.project"] = f"{theirs}.node_projection"
    return found


def convert(public: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published state dict in our names, float32; tensors of the task heads are left out.

    Raises:
        DataError: A tensor is missing, of another shape, or has no place here; or a layer's ε is not 0.
    """
    out: dict[str, Tensor] = {}
    used = set()
    for ours, theirs in _names().items():
        for part in ("weight", "bias"):
            name = f"{theirs}.{part}"
            if name not in public:
                raise DataError(f"the weights lack {name!r}; is this another model's state dict?")
            out[f"{ours}.{part}"] = public[name].float()
            used.add(name)
    for name, tensor in public.items():
        if name.endswith(".model.eps"):
            if bool((tensor != 0).any()):
                raise DataError(f"{name} is not 0: this is another MiniMol")
        elif name not in used and not _unused(name):
            raise DataError(f"the weights hold {name!r}, which has no place in MiniMol")
    return out


def _unused(name: str) -> bool:
    """Task heads, and a normalisation of the random walk that the original makes but never calls."""
    return name.startswith(("model.task_heads.", f"model.encoder_manager.pe_encoders.rw_pos.first_{_NORM}."))

"""ET-Flow: an equivariant transformer that gives the velocity of every atom on its way from a prior to a conformer.

    e_ij = [exponentials(d_ij), 1 of bonds and 0 of others],    u_i = LayerNorm(MLP [x_i, t, features_i])
    a_ij = silu(Σ_head LN(q_i) * LN(k_j) * silu(W_k e_ij)) · c_ij,    (s, b, c, h)_ij = value_j * silu(W_v e_ij)
    y_i = Σ_j a_ij s_ij,    w_i = Σ_j c_ij (b_ij v_j + c_ij r_ij / d_ij + h_ij (r_ij / d_ij) × v_j),    (o₁, o₂, o₃)_i = O y_i
    x_i ← x_i + o₃ + o₂ ⟨U₁ v_i, U₂ v_i⟩,    v_i ← v_i + o₁ U₃ v_i + w_i
    velocity = centred(gate([x_i, |V₁ v_i|]) V₂ v_i - r_i)

over bonds and the nearest `neighbours` atoms within the cutoff, with c_ij = 1 of bonds and a cutoff function of others. The term with h stands
with `handed` alone: with it the network can tell mirror images apart, without it the velocities of mirror images are mirror images.

Source: Hassan et al. 2024 (arXiv:2410.22388), sizes as in shenoynikhil/ETFlow (preset "paper": 20 layers of 160). Differs: the cutoff has a
continuous second derivative (`nn.atoms.radial`) and does not fade bonds; elements are embedded without the neighbour embedding of TorchMD-Net.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hooke.atoms.conformers.batch import ConformerBatch
from hooke.atoms.conformers.graph import FEATURES
from hooke.core.errors import UsageError
from hooke.nn.atoms.energy_model import ELEMENTS
from hooke.nn.atoms.radial import Exponentials, smooth_cutoff

_NORM_FLOOR = 1e-6


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 160
    depth: int = 20
    heads: int = 8
    basis: int = 64
    cutoff: float = 10.0  # Å
    neighbours: int = 32  # of an atom at most, bonds first, then the nearest
    handed: bool = False  # cross products of directions and vectors


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, depth=2, heads=2, basis=8, neighbours=6),
    "small": Config(width=48, depth=4, heads=4, basis=15, handed=True),
    "paper": Config(),
    "paper_handed": Config(handed=True),
}

Scalars = Float[Tensor, "A width"]
Vectors = Float[Tensor, "A 3 width"]


@dataclass(frozen=True)
class Edges:
    """E directed edges: what arrives at `target` from `source`.

    Attributes:
        target, source: (E,) atoms.
        basis: (E, K + 1) of the distance, and whether it is a bond.
        fade: (E, 1) 1 of bonds, the cutoff function of others.
        direction: (E, 3, 1) unit vectors from target to source.
    """

    target: Int[Tensor, " E"]
    source: Int[Tensor, " E"]
    basis: Float[Tensor, "E K1"]
    fade: Float[Tensor, "E 1"]
    direction: Float[Tensor, "E 3 1"]


class Layer(nn.Module):
    """Attention, and what an atom makes of it.

    Args:
        config: Sizes.
        reads: Whether there are vectors already.
    """

    def __init__(self, config: Config, *, reads: bool) -> None:
        super().__init__()
        width = config.width
        self.heads, self.reads, self.handed = config.heads, reads, config.handed and reads
        self.mix = nn.Sequential(nn.Linear(width + 1 + FEATURES, width), nn.SiLU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.query_norm, self.key_norm = nn.LayerNorm(width // config.heads), nn.LayerNorm(width // config.heads)
        self.parts = 2 + reads + self.handed
        self.value = nn.Linear(width, self.parts * width)
        self.key_filter = nn.Linear(config.basis + 1, width)
        self.value_filter = nn.Linear(config.basis + 1, self.parts * width)
        self.out = nn.Linear(width, (3 if reads else 1) * width)
        self.vectors = nn.Linear(width, 3 * width, bias=False) if reads else None

    def forward(
        self, scalars: Scalars, vectors: Vectors | None, known: Float[Tensor, "A known"], edges: Edges
    ) -> tuple[Scalars, Vectors]:
        """The scalars and vectors, changed; `known` are time and features of each atom."""
        atoms, width = scalars.shape
        normed = self.norm(self.mix(torch.cat([scalars, known], dim=1)))
        apart = (atoms, self.heads, width // self.heads)
        query = self.query_norm(self.query(normed).view(apart)).index_select(0, edges.target)
        key = self.key_norm(self.key(normed).view(apart)).index_select(0, edges.source)
        by_key = functional.silu(self.key_filter(edges.basis)).view(-1, *apart[1:])
        attention = functional.silu((query * key * by_key).sum(dim=2, keepdim=True)) * edges.fade[:, None]
        sent = self.value(normed).index_select(0, edges.source) * functional.silu(self.value_filter(edges.basis))
        scalar, *others = sent.split(width, dim=1)
        arriving = (scalar.reshape(-1, *apart[1:]) * attention).reshape(-1, width)
        gathered = scalars.new_zeros(atoms, width).index_add(0, edges.target, arriving.to(scalars.dtype))
        along = others[0][:, None] * edges.direction
        if vectors is not None:
            from_others = vectors.index_select(0, edges.source)
            along = along + others[1][:, None] * from_others
            if self.handed:
                along = along + others[2][:, None] * torch.linalg.cross(
                    edges.direction.expand_as(from_others), from_others, dim=1
                )
        moved = scalars.new_zeros(atoms, 3, width).index_add(
            0, edges.target, (along * edges.fade[:, None]).to(scalars.dtype)
        )
        out = self.out(gathered).split(width, dim=1)
        if vectors is None or self.vectors is None:
            return scalars + out[0], moved
        mixed = self.vectors(vectors).split(width, dim=2)
        scalars = scalars + out[0] + out[1] * (mixed[0] * mixed[1]).sum(dim=1)
        return scalars, vectors + moved + out[2][:, None] * mixed[2]


class Model(nn.Module):
    """The network.

    Args:
        config: Sizes.
        spec: Not looked at: it knows all elements.

    Attributes:
        width: Of the embedding.

    Raises:
        UsageError: The width cannot be shared among the heads.
    """

    modality = "conformers"
    tail = ("norm", "lengths", "direction", "gate")
    gradient_exempt = {  # noqa: RUF012
        r"gate\.2\..*": "the gate of the velocity, which the embedding does not see",
        r"direction\.weight": "the direction of the velocity, which the embedding does not see",
    }

    def __init__(self, config: Config, spec: object) -> None:
        super().__init__()
        if config.width % config.heads:
            raise UsageError(f"a width of {config.width} cannot be shared among {config.heads} heads")
        self.width, self._config = config.width, config
        self.elements = nn.Embedding(ELEMENTS, config.width)
        self.basis = Exponentials(config.basis, config.cutoff)
        self.layers = nn.ModuleList(Layer(config, reads=place > 0) for place in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.lengths = nn.Linear(config.width, config.width, bias=False)
        self.direction = nn.Linear(config.width, 1, bias=False)
        self.gate = nn.Sequential(nn.Linear(2 * config.width, config.width), nn.SiLU(), nn.Linear(config.width, 1))

    def forward(self, batch: ConformerBatch) -> Float[Tensor, "A 3"]:
        """Velocities of all atoms in Å, at the batch's positions and times."""
        batch = self._cast(batch)
        hidden, vectors = self._hidden(batch)
        gate = self.gate[2](hidden)
        return batch.centred(gate * self.direction(vectors)[..., 0] - batch.centred(batch.positions))

    def embed(self, batch: ConformerBatch) -> Float[Tensor, "F width"]:
        """Means over atoms of what the gate is made of; neither rotation nor place changes them."""
        batch = self._cast(batch)
        return batch.means(self._hidden(batch)[0])

    def _cast(self, batch: ConformerBatch) -> ConformerBatch:
        """In the precision of the weights."""
        kind = self.elements.weight.dtype
        names = ("positions", "features", "time", "factors", "starts")
        return replace(batch, **{name: getattr(batch, name).to(kind) for name in names})

    def _hidden(self, batch: ConformerBatch) -> tuple[Scalars, Vectors]:
        edges = self._edges(batch)
        scalars = self.elements(batch.numbers)
        known = torch.cat([batch.time[batch.frame][:, None], batch.features], dim=1).to(scalars.dtype)
        vectors: Tensor | None = None
        for layer in self.layers:
            scalars, vectors = layer(scalars, vectors, known, edges)
        assert vectors is not None
        lengths = (self.lengths(vectors).square().sum(dim=1) + _NORM_FLOOR).sqrt()
        return self.gate[1](self.gate[0](torch.cat([self.norm(scalars), lengths], dim=1))), vectors

    def _edges(self, batch: ConformerBatch) -> Edges:
        config = self._config
        with torch.no_grad():
            target, source = _neighbours(batch, config.cutoff, config.neighbours)
        vector = batch.positions.index_select(0, source) - batch.positions.index_select(0, target)
        distance = (vector.square().sum(dim=1) + _NORM_FLOOR**2).sqrt()
        bonded = torch.zeros_like(distance)
        if len(target):
            atoms = len(batch.numbers)
            pairs = torch.cat([batch.bonds[0] * atoms + batch.bonds[1], batch.bonds[1] * atoms + batch.bonds[0]])
            bonded = torch.isin(target * atoms + source, pairs).to(distance.dtype)
        fade = torch.maximum(smooth_cutoff(distance, config.cutoff), bonded)[:, None]
        basis = torch.cat([self.basis(distance), bonded[:, None]], dim=1)
        return Edges(target, source, basis, fade, (vector / distance[:, None])[:, :, None])


def _neighbours(batch: ConformerBatch, cutoff: float, most: int) -> tuple[Tensor, Tensor]:
    """(E,) targets and sources: bonds and the nearest atoms within the cutoff, at most so many of each target."""
    frames, size = batch.num_items, batch.factors.shape[1]
    positions = batch.padded(batch.positions)
    there = torch.zeros(frames, size, dtype=torch.bool, device=positions.device)
    there[batch.frame, batch.place] = True
    distance = (positions[:, :, None] - positions[:, None]).square().sum(dim=3).sqrt()
    first, second = batch.bonds
    for one, other in ((first, second), (second, first)):
        distance[batch.frame[one], batch.place[one], batch.place[other]] = -1.0
    own = torch.eye(size, dtype=torch.bool, device=positions.device)
    distance = torch.where(there[:, :, None] & there[:, None] & ~own & (distance < cutoff), distance, torch.inf)
    if size > most:
        kept = distance.topk(most, dim=2, largest=False)
        distance = torch.full_like(distance, torch.inf).scatter(2, kept.indices, kept.values)
    frame, target, source = torch.nonzero(distance.isfinite(), as_tuple=True)
    return batch.offsets[frame] + target, batch.offsets[frame] + source

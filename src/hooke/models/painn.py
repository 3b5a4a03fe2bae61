"""PaiNN: scalars and vectors of every atom that exchange messages; equivariant under rotations and reflections.

    message   (a, b, c)_ij = φ(s_j) ∘ w(d_ij),    s_i ← s_i + Σ_j a_ij,    v_i ← v_i + Σ_j (b_ij v_j + c_ij r_ij / d_ij)
    update    (a, b, c)_i = ψ([s_i, |V v_i|]),    s_i ← s_i + a_i + b_i ⟨U v_i, V v_i⟩,    v_i ← v_i + c_i U v_i

with φ, ψ perceptrons of one hidden layer, w(d) = W sines(d) · cutoff(d), and v = 0 at first. The norm is √(|V v|² + ε), since the gradient of
a norm is not defined at 0.

Source: Schütt, Unke and Gastegger 2021 (arXiv 2102.03150). Differs: the cutoff has a continuous second derivative (`nn.atoms.radial`), and no
list of neighbours is cut to a number of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import AtomsSpec
from hooke.nn.atoms.energy_model import ELEMENTS, Potential, outputs_of
from hooke.nn.atoms.pairs import Pairs
from hooke.nn.atoms.radial import Basis, radial_basis, smooth_cutoff

_NORM = 1e-8  # ε


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 128
    depth: int = 3
    basis: int = 20
    cutoff: float = 5.0  # Å
    radial: Basis = "sine"


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, depth=2, basis=8),
    "small": Config(width=64),
    "paper": Config(),
}

Vectors = Float[Tensor, "atoms 3 width"]


class Message(nn.Module):
    """What atoms hear from their neighbours."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.inner = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 * width))
        self.filter = nn.Linear(config.basis, 3 * width)

    def forward(
        self, scalars: Float[Tensor, "atoms width"], vectors: Vectors | None, pairs: Pairs, basis: Float[Tensor, "P basis_and_1"],
        directions: Float[Tensor, "P 3 width"],
    ) -> tuple[Float[Tensor, "atoms width"], Vectors]:  # fmt: skip
        """The scalars and vectors with the sums of their messages; the basis is times the cutoff, which is its last column."""
        width = scalars.shape[1]
        plain, gate, along = self.inner(scalars).split(width, dim=1)
        filters = torch.cat([self.filter.weight, self.filter.bias[:, None]], dim=1).split(width)
        by_plain, by_gate, by_along = ((basis @ each.T).to(basis.dtype) for each in filters)
        moved = directions.new_zeros(len(scalars), 3, width) if vectors is None else vectors
        gated = None if vectors is None else gate[:, None] * vectors
        for to, source, sign in ((pairs.first, pairs.second, 1), (pairs.second, pairs.first, -1)):
            scalars = scalars.index_add(0, to, plain.index_select(0, source) * by_plain)
            arrow = (along.index_select(0, source) * by_along)[:, None]
            if gated is None:
                moved = moved.index_add(0, to, arrow * directions, alpha=sign)
            else:
                turned = gated.index_select(0, source) * by_gate[:, None]
                moved = moved.index_add(0, to, torch.addcmul(turned, arrow, directions, value=sign))
        return scalars, moved


class Update(nn.Module):
    """What an atom makes of its scalars and vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width, 2 * width, bias=False)
        self.inner = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, 3 * width))

    def forward(
        self, scalars: Float[Tensor, "atoms width"], vectors: Vectors
    ) -> tuple[Float[Tensor, "atoms width"], Vectors]:
        """The scalars and vectors, changed."""
        first, second = self.mix(vectors).chunk(2, dim=-1)
        norm = ((second * second).sum(dim=1) + _NORM).sqrt()
        plain, product, scale = self.inner(torch.cat([scalars, norm], dim=1)).chunk(3, dim=1)
        scalars = scalars + plain + product * (first * second).sum(dim=1)
        return scalars, torch.addcmul(vectors, scale[:, None], first)


class Model(Potential):
    """The network.

    Args:
        config: Sizes.
        spec: See `Potential`.
    """

    stacks = ("messages", "updates")

    def __init__(self, config: Config, spec: AtomsSpec) -> None:
        half = config.width // 2
        readout = nn.Sequential(nn.Linear(config.width, half), nn.SiLU(), nn.Linear(half, outputs_of(spec)))
        super().__init__(config.width, config.cutoff, spec, readout)
        self.elements = nn.Embedding(ELEMENTS, config.width)
        self.basis = radial_basis(config.radial, config.basis, config.cutoff)
        self.messages = nn.ModuleList(Message(config) for _ in range(config.depth))
        self.updates = nn.ModuleList(Update(config.width) for _ in range(config.depth))

    def features(self, batch: AtomsBatch, pairs: Pairs) -> Float[Tensor, "atoms width"]:
        """See `Potential.features`."""
        scalars: Tensor = self.elements(batch.numbers)
        vectors: Tensor | None = None
        fade = smooth_cutoff(pairs.distance, self.cutoff)[:, None]
        basis = torch.cat([self.basis(pairs.distance) * fade, fade], dim=1)
        directions = pairs.directions[:, :, None].expand(-1, -1, self.width).contiguous()
        for message, update in zip(self.messages, self.updates, strict=True):
            scalars, vectors = message(scalars, vectors, pairs, basis, directions)
            scalars, vectors = update(scalars, vectors)
        return scalars

"""DimeNet++: messages along directed pairs of atoms that know the angles between them.

    m_ji = σ(W [h_j, h_i, σ(W' e_ji)]),    m_ji ← update(m_ji, Σ_{k ≠ i} σ(W_down (σ(W m_kj) ∘ W'' e_kj)) ∘ W''' a_kji)
    t_i = Σ_blocks W_out MLP(W_up Σ_j W e_ji ∘ m_ji)

with the bases, for x = d / rc, the envelope u(x) = 1 - 28 x⁶ + 48 x⁷ - 21 x⁸ and the n-th zero z_ln of the spherical Bessel function j_l,

    e_ji = u(x_ji) sin(f_n x_ji) / x_ji,    a_kji = u(x_kj) √2 / |j_{l+1}(z_ln)| · j_l(z_ln x_kj) · Y_l0(∠ kji),    σ = silu

and f_n = n π learnt from there on. The radial functions of a pair are Chebyshev series, exact to the last digits at every distance;
angles enter as Legendre polynomials of their cosine, whose gradient is finite for atoms in a line. Messages, and what angles add to them,
reach atoms through e and a alone, which vanish at rc with two derivatives: energies have a continuous curvature when an atom passes the cutoff.

Sums over triplets are made in pieces, and a sum of several pieces keeps none of them for the gradient but computes them again: memory is
bounded by pairs and one piece.

Source: Gasteiger, Giri, Margraf and Günnemann 2020 (arXiv 2011.14115), Gasteiger, Groß and Günnemann 2020 (arXiv 2003.03123); sizes as in the
implementation of PyTorch Geometric. Differs: a_kji is taken times u as the paper has it, not times u / x, and its angle is the one at
j; the last layer of each output block is drawn at random instead of 0, and all are one layer, the readout; weights are drawn as PyTorch
draws them, not orthogonal; no list of neighbours is cut to a number of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.polynomial.chebyshev import chebinterpolate
from scipy.optimize import brentq
from scipy.special import spherical_jn
from torch import Tensor, nn
from torch.nn.functional import silu
from torch.utils.checkpoint import checkpoint

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import AtomsSpec
from hooke.nn.atoms.energy_model import ELEMENTS, Potential, outputs_of
from hooke.nn.atoms.pairs import Pairs

_PIECE = 1 << 18  # triplets that are computed at a time
_BEFORE, _AFTER, _OUTPUT = (
    1,
    2,
    3,
)  # residual layers of a block before and after its skip connection, and layers of an output block


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 128  # of messages
    triplet_width: int = 64  # that they are projected to before angles enter
    basis_width: int = 8  # that bases are projected to first
    out_width: int = 256  # of an atom's row from each block
    depth: int = 4
    radial: int = 6
    spherical: int = 7
    cutoff: float = 5.0  # Å


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, triplet_width=8, basis_width=4, out_width=16, depth=1, radial=4, spherical=3),
    "small": Config(width=64, triplet_width=32, out_width=64, depth=3),
    "paper": Config(),
}


def bessel_zeros(orders: int, number: int) -> np.ndarray:
    """(orders, number) the first zeros of the spherical Bessel functions j_0, j_1, ...; between two of one lies one of the next."""
    known = np.arange(1, number + orders) * math.pi
    rows = [known[:number]]
    for order in range(1, orders):
        ends = pairwise(known.tolist())
        known = np.array([brentq(partial(spherical_jn, order), low, high, xtol=1e-14) for low, high in ends])
        rows.append(known[:number])
    return np.stack(rows)


def envelope(x: Tensor) -> Tensor:
    """1 at 0, and 0 at 1 with its first two derivatives."""
    return 1 + x**6 * (x * (48 - 21 * x) - 28)


class Sines(nn.Module):
    """u(x) sin(f_n x) / x with learnt f_n (`e`)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.arange(1, number + 1) * math.pi)

    def forward(self, x: Float[Tensor, " P"]) -> Float[Tensor, "P radial"]:
        """One row a distance."""
        return torch.sin(x[:, None] * self.frequencies) * (envelope(x) / x)[:, None]


class SphericalBessel(nn.Module):
    """u(x) √2 / |j_{l+1}(z_ln)| j_l(z_ln x) √((2 l + 1) / 4 π): the radial part of `a` with the factor of Y_l0."""

    coefficients: Tensor

    def __init__(self, orders: int, number: int) -> None:
        super().__init__()
        self.orders, self.number = orders, number
        zeros, order = bessel_zeros(orders, number), np.arange(orders)[:, None]
        factor = np.sqrt((2 * order + 1) / (2 * np.pi)) / np.abs(spherical_jn(order + 1, zeros))

        def values(y: np.ndarray) -> Any:
            table = factor * spherical_jn(order, zeros * (y[:, None, None] + 1) / 2)
            return table.reshape(len(y), -1)

        degree = int(zeros.max() / 2) + 32
        series = chebinterpolate(values, degree)
        self.register_buffer("coefficients", torch.tensor(series, dtype=torch.get_default_dtype()), persistent=False)

    def forward(self, x: Float[Tensor, " P"]) -> Float[Tensor, "P orders radial"]:
        """One table a distance."""
        y = 2 * x - 1
        terms = [torch.ones_like(y), y]
        for _ in range(len(self.coefficients) - 2):
            terms.append(2 * y * terms[-1] - terms[-2])
        table = torch.stack(terms, dim=1) @ self.coefficients * envelope(x)[:, None]
        return table.view(len(x), self.orders, self.number)


def legendre(cosine: Float[Tensor, " T"], orders: int) -> Float[Tensor, "T orders"]:
    """P_0 ... of a cosine."""
    terms = [torch.ones_like(cosine), cosine][:orders]
    for order in range(2, orders):
        terms.append(((2 * order - 1) * cosine * terms[-1] - (order - 1) * terms[-2]) / order)
    return torch.stack(terms, dim=1)


def triplets(targets: Int[Tensor, " edges"], atoms: int) -> tuple[Int[Tensor, " T"], Int[Tensor, " T"]]:
    """Ordered pairs of different edges that arrive at the same atom.

    Args:
        targets: The atom that each edge arrives at.
        atoms: How many there are.
    """
    order = torch.argsort(targets, stable=True)
    counts = torch.bincount(targets, minlength=atoms)
    starts, of_edge = counts.cumsum(0) - counts, counts.index_select(0, targets.index_select(0, order))
    first = torch.repeat_interleave(torch.arange(len(order), device=order.device), of_edge)
    place = torch.arange(len(first), device=order.device) - (of_edge.cumsum(0) - of_edge).index_select(0, first)
    second = starts.index_select(0, targets.index_select(0, order).index_select(0, first)) + place
    different = torch.nonzero(first != second)[:, 0]
    return tuple(order.index_select(0, each.index_select(0, different)) for each in (first, second))  # type: ignore[return-value]


class Residual(nn.Module):
    """m + σ(W₂ σ(W₁ m))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, rows: Tensor) -> Tensor:
        """Row by row."""
        return rows + silu(self.second(silu(self.first(rows))))


class Embedding(nn.Module):
    """The first messages, from the elements of two atoms and their distance."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.elements = nn.Embedding(ELEMENTS, config.width)
        nn.init.uniform_(self.elements.weight, -math.sqrt(3), math.sqrt(3))
        self.radial = nn.Linear(config.radial, config.width)
        self.mix = nn.Linear(3 * config.width, config.width)

    def forward(self, numbers: Tensor, pairs: Pairs, basis: Float[Tensor, "P radial"]) -> Float[Tensor, "edges width"]:
        """One row a directed edge."""
        rows, distances = self.elements(numbers), silu(self.radial(basis))
        sources, targets = (rows.index_select(0, atoms) for atoms in (pairs.sources, pairs.targets))
        return silu(self.mix(torch.cat([targets, sources, torch.cat([distances, distances])], dim=1)))


class Interaction(nn.Module):
    """What messages learn of those that arrive where they start from."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, small = config.width, config.triplet_width

        def narrow(inputs: int, outputs: int) -> nn.Sequential:
            layers = (
                nn.Linear(inputs, config.basis_width, bias=False),
                nn.Linear(config.basis_width, outputs, bias=False),
            )
            return nn.Sequential(*layers)

        self.radial, self.angular = narrow(config.radial, width), narrow(config.spherical * config.radial, small)
        self.sent, self.own = nn.Linear(width, width), nn.Linear(width, width)
        self.down, self.up = nn.Linear(width, small, bias=False), nn.Linear(small, width, bias=False)
        self.before = nn.Sequential(*(Residual(width) for _ in range(_BEFORE)))
        self.middle = nn.Linear(width, width)
        self.after = nn.Sequential(*(Residual(width) for _ in range(_AFTER)))

    def forward(
        self, messages: Float[Tensor, "edges width"], basis: Float[Tensor, "P radial"], table: Float[Tensor, "P orders radial"],
        directions: Float[Tensor, "edges 3"], of: tuple[Tensor, Tensor],
    ) -> Float[Tensor, "edges width"]:  # fmt: skip
        """The messages, changed; directions are those from where edges arrive to where they come from, `of` the triplets."""
        distances = self.radial(basis)
        sent = silu(self.down(silu(self.sent(messages)) * torch.cat([distances, distances])))
        first: Tensor = self.angular[0].weight  # type: ignore[assignment]  # (basis_width, orders · radial)
        orders, radial = table.shape[1:]
        by_order = torch.einsum("por,bor->pob", table, first.view(-1, orders, radial))
        gathered = self._gathered(sent, by_order.to(sent.dtype), directions, of)
        rows = silu(self.own(messages)) + silu(self.up(gathered))
        return self.after(silu(self.middle(self.before(rows))) + messages)

    def _gathered(self, sent: Tensor, by_order: Tensor, directions: Tensor, of: tuple[Tensor, Tensor]) -> Tensor:
        """The sum over triplets, (edges, triplet_width), in pieces."""
        pairs, total = len(by_order), len(of[0])
        gathered = sent.new_zeros(sent.shape, dtype=directions.dtype)
        for start in range(0, total, _PIECE):
            arriving, other = (edges[start : start + _PIECE] for edges in of)
            made = (
                checkpoint(self._piece, sent, by_order, directions, arriving, other, use_reentrant=False)
                if total > _PIECE
                else self._piece(sent, by_order, directions, arriving, other)
            )
            # the edge that goes out is the other one turned round
            gathered = gathered.index_add(0, torch.where(other < pairs, other + pairs, other - pairs), made)
        return gathered

    def _piece(self, sent: Tensor, by_order: Tensor, directions: Tensor, arriving: Tensor, other: Tensor) -> Tensor:
        """(T, triplet_width) what each triplet adds."""
        cosine = (directions.index_select(0, arriving) * directions.index_select(0, other)).sum(dim=1)
        tables = by_order.index_select(0, arriving % len(by_order))
        angular = (legendre(cosine, by_order.shape[1])[:, None] @ tables.to(cosine.dtype))[:, 0]
        return (sent.index_select(0, arriving) * self.angular[1](angular)).to(directions.dtype)


class Output(nn.Module):
    """One row an atom from the messages that arrive at it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.radial = nn.Linear(config.radial, config.width, bias=False)
        self.up = nn.Linear(config.width, config.out_width, bias=False)
        layers = (each for _ in range(_OUTPUT) for each in (nn.Linear(config.out_width, config.out_width), nn.SiLU()))
        self.layers = nn.Sequential(*layers)

    def forward(
        self, messages: Float[Tensor, "edges width"], pairs: Pairs, basis: Float[Tensor, "P radial"], atoms: int
    ) -> Float[Tensor, "atoms out_width"]:
        """One row an atom."""
        weights = self.radial(basis)
        arriving = (messages * torch.cat([weights, weights])).to(basis.dtype)
        return self.layers(self.up(arriving.new_zeros(atoms, messages.shape[1]).index_add(0, pairs.targets, arriving)))


class Model(Potential):
    """The network; the row of an atom holds those of all output blocks side by side.

    Args:
        config: Sizes.
        spec: See `Potential`.
    """

    stacks = ("layers", "outputs")

    def __init__(self, config: Config, spec: AtomsSpec) -> None:
        rows = config.out_width * (config.depth + 1)
        super().__init__(rows, config.cutoff, spec, nn.Linear(rows, outputs_of(spec), bias=False))
        self.sines, self.bessel = Sines(config.radial), SphericalBessel(config.spherical, config.radial)
        self.embedding = Embedding(config)
        self.layers = nn.ModuleList(Interaction(config) for _ in range(config.depth))
        self.outputs = nn.ModuleList(Output(config) for _ in range(config.depth + 1))

    def features(self, batch: AtomsBatch, pairs: Pairs) -> Float[Tensor, "atoms width"]:
        """See `Potential.features`."""
        x, atoms, directions = pairs.distance / self.cutoff, len(batch.numbers), pairs.directions
        basis, table = self.sines(x), self.bessel(x)
        to_sources, of = torch.cat([directions, -directions]), triplets(pairs.targets, atoms)
        messages = self.embedding(batch.numbers, pairs, basis)
        rows = [self.outputs[0](messages, pairs, basis, atoms)]
        for layer, output in zip(self.layers, self.outputs[1:], strict=True):
            messages = layer(messages, basis, table, to_sources, of)
            rows.append(output(messages, pairs, basis, atoms))
        return torch.cat(rows, dim=1)

"""TorchMD-Net's equivariant transformer: attention weighted by distances over scalars and vectors of every atom.

    x_i = C [emb(z_i), Σ_{j ≠ i} emb'(z_j) ∘ W e_ij cutoff(d_ij)],    v_i = 0,    e_ij = exponentials(d_ij) · cutoff(d_ij)

and in each layer, with x, q, k, value from the layer norm of x_i and * entry by entry,

    a_ij = silu(Σ_head q_i * k_j * silu(W_k e_ij)),    (s, b, c)_ij = value_j * silu(W_v e_ij) · cutoff(d_ij)
    y_i = Σ_j a_ij s_ij,    w_i = Σ_j (b_ij v_j + c_ij r_ij / d_ij),    (o₁, o₂, o₃)_i = O y_i
    x_i ← x_i + o₃ + o₂ ⟨U₁ v_i, U₂ v_i⟩,    v_i ← v_i + o₁ U₃ v_i + w_i

An atom attends to itself too, at distance 0 and without a direction. Filters are computed once a pair and used in both directions.

Source: Thölke and de Fabritiis 2022 (arXiv 2202.02541); neighbours of the layers, initial weights and sizes as in torchmd/torchmd-net. Differs:
the cutoff has a continuous second derivative (`nn.atoms.radial`), and it multiplies all values, where the publication weights the attention
alone, so that messages to vectors jump at rc; no list of neighbours is cut to a number of them; outputs are read from the scalars by one
perceptron, as in the published configuration for energies of QM9; the first and the last layer lack what would be multiplied by vectors
that are zero, or that nobody reads; centres and widths of the basis are learnt. No norm of a vector is taken, so that gradients are
finite everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import AtomsSpec
from hooke.core.errors import UsageError
from hooke.nn.atoms.energy_model import ELEMENTS, Potential, outputs_of
from hooke.nn.atoms.pairs import Pairs, filtered_sum
from hooke.nn.atoms.radial import Exponentials, smooth_cutoff


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 128
    depth: int = 6
    heads: int = 8
    basis: int = 32
    cutoff: float = 5.0  # Å


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, depth=2, heads=2, basis=8),
    "small": Config(width=64, depth=3),
    "paper": Config(width=256, depth=8, basis=64),
}

Scalars = Float[Tensor, "atoms width"]
Vectors = Float[Tensor, "atoms 3 width"]


def _linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """With uniform weights of Glorot and Bengio, and biases of 0."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class Neighbours(nn.Module):
    """What elements stand around an atom, mixed into its first row."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.elements = nn.Embedding(ELEMENTS, config.width)
        self.filter = _linear(config.basis, config.width)
        self.mix = _linear(2 * config.width, config.width)

    def forward(
        self, rows: Scalars, numbers: Tensor, pairs: Pairs, basis: Float[Tensor, "P basis"], fade: Float[Tensor, "P 1"]
    ) -> Scalars:
        """The rows with their neighbours."""
        around = filtered_sum(self.elements(numbers), self.filter(basis) * fade, pairs)
        return self.mix(torch.cat([rows, around], dim=1))


class Layer(nn.Module):
    """Attention, and what an atom makes of it.

    Args:
        config: Sizes.
        reads: Whether there are vectors already.
        gives: Whether somebody reads the vectors afterwards.
    """

    def __init__(self, config: Config, *, reads: bool, gives: bool) -> None:
        super().__init__()
        width = config.width
        self.heads, self.reads, self.gives = config.heads, reads, gives
        self.norm = nn.LayerNorm(width)
        self.query, self.key = _linear(width, width), _linear(width, width)
        self.parts = 1 + (1 + reads if gives else 0)  # of a value: scalar; direction; gate of the sender's vector
        self.value = _linear(width, self.parts * width)
        self.key_filter = _linear(config.basis, width)
        self.value_filter = _linear(config.basis, self.parts * width)
        self.out = _linear(width, (1 + reads + (reads and gives)) * width)
        self.mix = _linear(width, (2 + gives) * width, bias=False) if reads else None

    def forward(
        self, scalars: Scalars, vectors: Vectors | None, pairs: Pairs, basis: Float[Tensor, "P_and_1 basis"],
        fade: Float[Tensor, "P 1"], directions: Float[Tensor, "P 3 1"],
    ) -> tuple[Scalars, Vectors | None]:  # fmt: skip
        """The scalars and vectors, changed; the last row of the basis is that of distance 0."""
        normed, width = self.norm(scalars), scalars.shape[1]
        query, key, value = self.query(normed), self.key(normed), self.value(normed)
        by_key, by_value = functional.silu(self.key_filter(basis)), functional.silu(self.value_filter(basis))
        own = (value * by_value[-1:]).to(fade.dtype)  # sums are kept in the precision of positions under autocast
        gathered = self._attended(query, key, by_key[-1:], own[:, :width])
        moved = fade.new_zeros(len(scalars), 3, width) if self.gives else None
        if moved is not None and vectors is not None:
            moved = moved + own[:, None, 2 * width :] * vectors
        by_key, by_value = by_key[:-1], by_value[:-1] * fade
        for to, source, sign in ((pairs.first, pairs.second, 1), (pairs.second, pairs.first, -1)):
            sent = value.index_select(0, source) * by_value
            message = self._attended(query.index_select(0, to), key.index_select(0, source), by_key, sent[:, :width])
            gathered = gathered.index_add(0, to, message)
            if moved is not None:
                along = sent[:, None, width : 2 * width] * (directions if sign > 0 else -directions)
                if vectors is not None:
                    along = torch.addcmul(along, sent[:, None, 2 * width :], vectors.index_select(0, source))
                moved = moved.index_add(0, to, along)
        return self._updated(scalars, vectors, self.out(gathered).split(width, dim=1), moved)

    def _attended(self, query: Tensor, key: Tensor, by_key: Tensor, sent: Tensor) -> Tensor:
        """What is sent, each head weighted by its attention."""
        apart = (len(sent), self.heads, sent.shape[1] // self.heads)
        attention = functional.silu((query * key * by_key).view(apart).sum(dim=2, keepdim=True))
        return (sent.view(apart) * attention).view(sent.shape)

    def _updated(
        self, scalars: Scalars, vectors: Vectors | None, out: tuple[Tensor, ...], moved: Vectors | None
    ) -> tuple[Scalars, Vectors | None]:
        if self.mix is None or vectors is None:
            return scalars + out[0], moved
        mixed = self.mix(vectors).chunk(2 + self.gives, dim=2)
        scalars = scalars + out[0] + out[1] * (mixed[0] * mixed[1]).sum(dim=1)
        return scalars, None if moved is None else vectors + moved + out[2][:, None] * mixed[2]


class Model(Potential):
    """The network.

    Args:
        config: Sizes.
        spec: See `Potential`.

    Raises:
        UsageError: The width cannot be shared among the heads.
    """

    tail = ("readout", "norm")

    def __init__(self, config: Config, spec: AtomsSpec) -> None:
        if config.width % config.heads:
            raise UsageError(f"a width of {config.width} cannot be shared among {config.heads} heads")
        half = config.width // 2
        readout = nn.Sequential(_linear(config.width, half), nn.SiLU(), _linear(half, outputs_of(spec)))
        super().__init__(config.width, config.cutoff, spec, readout)
        self.elements = nn.Embedding(ELEMENTS, config.width)
        self.basis = Exponentials(config.basis, config.cutoff)
        self.neighbours = Neighbours(config)
        last = config.depth - 1
        self.layers = nn.ModuleList(Layer(config, reads=place > 0, gives=place < last) for place in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def features(self, batch: AtomsBatch, pairs: Pairs) -> Float[Tensor, "atoms width"]:
        """See `Potential.features`."""
        fade, directions = smooth_cutoff(pairs.distance, self.cutoff)[:, None], pairs.directions[:, :, None]
        basis = self.basis(torch.cat([pairs.distance, pairs.distance.new_zeros(1)]))
        basis = basis * torch.cat([fade, fade.new_ones(1, 1)])
        scalars = self.neighbours(self.elements(batch.numbers), batch.numbers, pairs, basis[:-1], fade)
        vectors: Tensor | None = None
        for layer in self.layers:
            scalars, vectors = layer(scalars, vectors, pairs, basis, fade, directions)
        return self.norm(scalars)

"""SchNet: continuous-filter convolutions over distances.

    x_i ← x_i + W₃ ssp(W₂ Σ_j (W₁ x_j) ∘ w(d_ij)),    w(d) = MLP(gaussians(d)) · cutoff(d),    ssp(x) = ln((1 + eˣ) / 2)

Filters are computed once a pair and used in both directions.

Source: Schütt et al. 2018 (doi:10.1063/1.5019779). Layers and numbers of parameters as in the implementation of PyTorch Geometric (`9m` is
the network of QM1B, arXiv 2311.01135: 9,088,513 parameters). Differs: the cutoff has a continuous second derivative (`nn.atoms.radial`),
and no list of neighbours is cut to a number of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import AtomsSpec
from hooke.nn.atoms.energy_model import ELEMENTS, Potential, outputs_of
from hooke.nn.atoms.pairs import Pairs, filtered_sum
from hooke.nn.atoms.radial import Gaussians, smooth_cutoff


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 128
    filters: int = 128
    depth: int = 3
    basis: int = 50
    cutoff: float = 5.0  # Å


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, filters=16, depth=2, basis=12),
    "small": Config(width=64, filters=64),
    "medium": Config(),
    "paper": Config(depth=6),
    "9m": Config(width=1024, filters=256, depth=5, basis=200, cutoff=15.0),
}


class ShiftedSoftplus(nn.Module):
    """ln((1 + eˣ) / 2), which is 0 at 0."""

    def forward(self, rows: Tensor) -> Tensor:
        """Entry by entry."""
        return functional.softplus(rows) - math.log(2.0)


class Interaction(nn.Module):
    """One convolution with what stands around it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, filters = config.width, config.filters
        self.filter = nn.Sequential(nn.Linear(config.basis, filters), ShiftedSoftplus(), nn.Linear(filters, filters))
        self.before = nn.Linear(width, filters, bias=False)
        self.after = nn.Sequential(nn.Linear(filters, width), ShiftedSoftplus(), nn.Linear(width, width))

    def forward(
        self,
        rows: Float[Tensor, "atoms width"],
        pairs: Pairs,
        basis: Float[Tensor, "P basis"],
        fade: Float[Tensor, "P 1"],
    ) -> Float[Tensor, "atoms width"]:
        """What is added to the rows."""
        weights = self.filter(basis) * fade
        return self.after(filtered_sum(self.before(rows), weights, pairs))


class Model(Potential):
    """The network.

    Args:
        config: Sizes.
        spec: See `Potential`.
    """

    def __init__(self, config: Config, spec: AtomsSpec) -> None:
        half = config.width // 2
        readout = nn.Sequential(nn.Linear(config.width, half), ShiftedSoftplus(), nn.Linear(half, outputs_of(spec)))
        super().__init__(config.width, config.cutoff, spec, readout)
        self.elements = nn.Embedding(ELEMENTS, config.width)
        self.basis = Gaussians(config.basis, config.cutoff)
        self.layers = nn.ModuleList(Interaction(config) for _ in range(config.depth))

    def features(self, batch: AtomsBatch, pairs: Pairs) -> Float[Tensor, "atoms width"]:
        """See `Potential.features`."""
        rows = self.elements(batch.numbers)
        basis, fade = self.basis(pairs.distance), smooth_cutoff(pairs.distance, self.cutoff)[:, None]
        for layer in self.layers:
            rows = rows + layer(rows, pairs, basis, fade)
        return rows

"""Radial bases and the cutoff function: what networks on atoms know of a distance.

    cutoff(x) = 1 - 10 x³ + 15 x⁴ - 6 x⁵ for x = d / rc < 1, else 0

Its first and second derivatives vanish at 0 and at rc, so that energies have a continuous curvature when an atom passes the cutoff. The
published networks take (cos(π x) + 1) / 2, whose second derivative jumps at rc.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Basis = Literal["gaussian", "sine", "exponential"]


def smooth_cutoff(distance: Float[Tensor, " P"], cutoff: float) -> Float[Tensor, " P"]:
    """1 at distance 0, 0 from the cutoff on, twice continuously differentiable."""
    x = (distance / cutoff).clamp(max=1.0)
    return 1 + x**3 * (x * (15 - 6 * x) - 10)


class Gaussians(nn.Module):
    """exp(-(d - μ_k)² / 2 Δ²) with μ_k on a grid over [0, rc] and Δ its spacing (SchNet)."""

    centres: Tensor

    def __init__(self, number: int, cutoff: float) -> None:
        super().__init__()
        self.number, self.spacing = number, cutoff / max(1, number - 1)
        self.register_buffer("centres", torch.linspace(0, cutoff, number), persistent=False)

    def forward(self, distance: Float[Tensor, " P"]) -> Float[Tensor, "P number"]:
        """One row a distance."""
        return torch.exp((distance[:, None] - self.centres) ** 2 * (-0.5 / self.spacing**2))


class Sines(nn.Module):
    """sin(k π d / rc) / d for k = 1 ... number (DimeNet, PaiNN)."""

    waves: Tensor

    def __init__(self, number: int, cutoff: float) -> None:
        super().__init__()
        self.number = number
        self.register_buffer("waves", torch.arange(1, number + 1) * (math.pi / cutoff), persistent=False)

    def forward(self, distance: Float[Tensor, " P"]) -> Float[Tensor, "P number"]:
        """One row a distance."""
        return torch.sin(distance[:, None] * self.waves) / distance[:, None]


class Exponentials(nn.Module):
    """exp(-β (exp(-α d) - μ_k)²) with α = 5 / rc, μ_k on a grid over [exp(-5), 1] and β = (2 (1 - exp(-5)) / number)^-2.

    As PhysNet has them; TorchMD-Net learns μ_k and β_k from there on.
    """

    def __init__(self, number: int, cutoff: float, *, learned: bool = True) -> None:
        super().__init__()
        self.number, self.rate, start = number, 5.0 / cutoff, math.exp(-5.0)
        centres = torch.linspace(start, 1.0, number)
        widths = torch.full((number,), (2 / number * (1 - start)) ** -2)
        self.centres, self.widths = (nn.Parameter(each, requires_grad=learned) for each in (centres, widths))

    def forward(self, distance: Float[Tensor, " P"]) -> Float[Tensor, "P number"]:
        """One row a distance."""
        return torch.exp(-self.widths * (torch.exp(-self.rate * distance[:, None]) - self.centres) ** 2)


def radial_basis(name: Basis, number: int, cutoff: float) -> nn.Module:
    """The basis of this name."""
    return {"gaussian": Gaussians, "sine": Sines, "exponential": Exponentials}[name](number, cutoff)

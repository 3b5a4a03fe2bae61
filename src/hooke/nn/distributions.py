"""Losses of heads that state a distribution instead of a value, and the spread that they state.

gaussian (mean-variance), two outputs (μ, s), σ² = softplus(s) + 1e-6:

    l = ½ [log σ² + (y - μ)² / σ²];    truth above y: -log Φ((μ - y) / σ), below: -log Φ((y - μ) / σ)

evidential, four outputs (γ, ν, α, β) with softplus, α + 1, and Ω = 2 β (1 + ν):

    l = ½ log(π / ν) - α log Ω + (α + ½) log((y - γ)² ν + Ω) + log Γ(α) - log Γ(α + ½) + λ |y - γ| (2 ν + α)
    var = β / (α - 1) [noise] + β / (ν (α - 1)) [knowledge]

Source: Nix and Weigend 1994; Amini et al. 2020 (arXiv 1910.02600), equations 5, 8 and 9. Differs from the latter: a censored
measurement costs its one-sided absolute error, since the bounded likelihood has no closed form.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from jaxtyping import Float, Int8
from torch import Tensor
from torch.nn.functional import softplus

DistributionLoss = Literal["gaussian", "evidential"]
OUTPUTS: dict[str, int] = {"gaussian": 2, "evidential": 4}
_SMALLEST = 1e-6


def distribution_loss(
    raw: Float[Tensor, "items labels parameters"],
    target: Float[Tensor, "items labels"],
    bound: Int8[Tensor, "items labels"] | None,
    kind: DistributionLoss,
    evidence_weight: float,
) -> Float[Tensor, "items labels"]:
    """Negative log-likelihood of normalised targets.

    Args:
        raw: Outputs of the head, `OUTPUTS[kind]` a label, the location first.
        target: Normalised targets.
        bound: 0 exact, +1 truth above, -1 truth below; None when nothing is censored.
        kind: Which distribution.
        evidence_weight: λ of the evidential loss.
    """
    if kind == "gaussian":
        return _gaussian(raw, target, bound)
    exact = _evidential(raw, target, evidence_weight)
    if bound is None:
        return exact
    error = raw[..., 0] - target
    one_sided = torch.where(bound > 0, -error.clamp(max=0), error.clamp(min=0))
    return torch.where(bound == 0, exact, one_sided)


def _gaussian(raw: Tensor, target: Tensor, bound: Tensor | None) -> Tensor:
    variance = softplus(raw[..., 1]) + _SMALLEST
    error = raw[..., 0] - target
    exact = 0.5 * (variance.log() + error.square() / variance)
    if bound is None:
        return exact
    beyond = -torch.special.log_ndtr(error / variance.sqrt() * bound)
    return torch.where(bound == 0, exact, beyond)


def _parameters(raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """ν, α, β."""
    positive = softplus(raw[..., 1:]) + _SMALLEST
    return positive[..., 0], positive[..., 1] + 1, positive[..., 2]


def _evidential(raw: Tensor, target: Tensor, weight: float) -> Tensor:
    evidence, alpha, beta = _parameters(raw)
    error = raw[..., 0] - target
    omega = 2 * beta * (1 + evidence)
    likelihood = (
        0.5 * (math.pi / evidence).log()
        - alpha * omega.log()
        + (alpha + 0.5) * (error.square() * evidence + omega).log()
        + alpha.lgamma()
        - (alpha + 0.5).lgamma()
    )
    return likelihood + weight * error.abs() * (2 * evidence + alpha)


def stated_spread(
    raw: Float[Tensor, "items labels parameters"], kind: DistributionLoss
) -> Float[Tensor, "items labels"]:
    """The standard deviation that the outputs state, on the normalised scale; noise and knowledge together."""
    if kind == "gaussian":
        return (softplus(raw[..., 1]) + _SMALLEST).sqrt()
    evidence, alpha, beta = _parameters(raw)
    return (beta / (alpha - 1) * (1 + 1 / evidence)).sqrt()

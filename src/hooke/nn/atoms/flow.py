"""Flows from a prior to conformers: draws of the prior, alignment, the path between both, and samplers.

    x_t = (1 - t) x₀ + t x₁ + σ √(t (1 - t)) ε,    u_t = x₁ - x₀ + σ (1 - 2 t) / (2 √(t (1 - t))) ε

with x₀, x₁ and ε centred, and x₀ turned onto x₁ by the proper rotation that brings them nearest (Kabsch). A sampler integrates
dx/dt = v(x, t) from 0 to 1.

Source: Hassan et al. 2024 (arXiv:2410.22388); Kabsch 1976 (doi:10.1107/S0567739476001873). Differs: the stochastic sampler renews a share of the
prior's draw that the field implies, x₀ = x - t v, at every step, where the publication adds noise and steps back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hooke.atoms.conformers.batch import ConformerBatch
from hooke.atoms.etkdg import placed_apart

Prior = Literal["harmonic", "gaussian", "etkdg"]
Sampler = Literal["euler", "heun", "stochastic"]
SAMPLERS: tuple[Sampler, ...] = ("euler", "heun", "stochastic")
Field = Callable[[ConformerBatch], Tensor]
EARLIEST = 1e-4
RENEWED = 0.3  # of the draw of the prior, a step of the stochastic sampler
Positions = Float[Tensor, "A 3"]


def draw(batch: ConformerBatch, prior: Prior, generator: torch.Generator) -> Positions:
    """x₀: one draw of the prior for each molecule, centred; fragments are put apart.

    Args:
        batch: With `starts`, for "etkdg".
        prior: N(0, L⁺) of the bond graph, N(0, 1) of each coordinate, or one of the conformers that the batch brings.
        generator: On the device of the batch.
    """
    if prior == "etkdg":
        chosen = torch.randint(len(batch.starts), (batch.num_items,), generator=generator, device=generator.device)
        return batch.starts.gather(0, chosen[batch.frame][None, :, None].expand(1, -1, 3))[0]
    positions = batch.positions
    noise = torch.randn(positions.shape, generator=generator, device=generator.device, dtype=positions.dtype)
    if prior == "harmonic":
        noise = torch.bmm(batch.factors, batch.padded(noise))[batch.frame, batch.place]
    return batch.centred(_apart(batch, noise))


def _apart(batch: ConformerBatch, positions: Positions) -> Positions:
    """Fragments in a row, where a molecule has several."""
    if not bool(batch.fragment.any()):
        return positions
    moved = positions.clone()
    for frame in torch.unique(batch.frame[batch.fragment > 0]).tolist():
        atoms = slice(*batch.offsets[frame : frame + 2].tolist())
        fragment = batch.fragment[atoms].cpu().numpy()
        groups = [(fragment == number).nonzero()[0] for number in range(int(fragment.max()) + 1)]
        placed = placed_apart(positions[atoms].double().cpu().numpy(), groups)
        moved[atoms] = torch.from_numpy(placed).to(positions)
    return moved


def aligned(batch: ConformerBatch, positions: Positions, onto: Positions) -> Positions:
    """Positions of each molecule turned by the proper rotation that brings them nearest to others; both centred."""
    products = positions.new_zeros(batch.num_items, 3, 3).index_add(
        0, batch.frame, positions[:, :, None] * onto[:, None, :]
    )
    left, _, right = torch.linalg.svd(products.double())
    proper = torch.ones(batch.num_items, 3, dtype=torch.float64, device=positions.device)
    proper[:, 2] = torch.sign(torch.linalg.det(left @ right))
    turn = ((left * proper[:, None]) @ right).to(positions.dtype)
    return torch.bmm(positions[:, None], turn[batch.frame])[:, 0]


def path(
    batch: ConformerBatch, start: Positions, time: Float[Tensor, " F"], sigma: float, generator: torch.Generator
) -> tuple[Positions, Positions]:
    """x_t and u_t between a draw and the batch's conformers.

    Args:
        batch: Its positions are x₁.
        start: x₀.
        time: Of each molecule, between 0 and 1.
        sigma: σ in Å.
        generator: On the device of the batch.
    """
    t = time[batch.frame][:, None]
    straight = (1 - t) * start + t * batch.positions
    velocity = batch.positions - start
    if sigma == 0:
        return straight, velocity
    noise = torch.randn(start.shape, generator=generator, device=generator.device, dtype=start.dtype)
    noise, width = batch.centred(noise), (t * (1 - t)).sqrt()
    return straight + sigma * width * noise, velocity + sigma * (1 - 2 * t) / (2 * width) * noise


def integrate(
    field: Field, batch: ConformerBatch, start: Positions, steps: int, sampler: Sampler, *, begin: float = 0.0,
    renew: Callable[[], Positions] | None = None,
) -> Positions:  # fmt: skip
    """Positions at time 1 of molecules that are at `start` at time `begin`.

    Args:
        field: v of a batch at its positions and times.
        batch: Molecules.
        start: Å.
        steps: Equal steps.
        sampler: "euler", "heun", or "stochastic", which needs `renew`.
        begin: Time.
        renew: Gives another draw of the prior.
    """
    positions, length = start, (1 - begin) / steps

    def velocity(there: Positions, time: float) -> Positions:
        inside = min(max(time, EARLIEST), 1 - EARLIEST)
        return field(replace(batch, positions=there, time=torch.full_like(batch.time, inside)))

    for number in range(steps):
        time = begin + number * length
        first = velocity(positions, time)
        if (
            sampler == "heun" and number == steps - 1
        ):  # at 1 the field of a flow is not defined: the midpoint, of the same order
            positions = positions + length * velocity(positions + length / 2 * first, time + length / 2)
        elif sampler == "heun":
            second = velocity(positions + length * first, time + length)
            positions = positions + length * (first + second) / 2
        elif sampler == "stochastic" and renew is not None:
            goal, origin = positions + (1 - time) * first, positions - time * first
            origin = (1 - RENEWED**2) ** 0.5 * origin + RENEWED * aligned(batch, renew(), goal)
            following = time + length
            positions = (1 - following) * origin + following * goal
        else:
            positions = positions + length * first
    return positions

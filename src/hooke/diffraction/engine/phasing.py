"""Phasing: the density behind measured amplitudes, by projections between what was measured and what a density can be.

P_M sets measured amplitudes and leaves unmeasured ones (the centre, the corners) as they are; P_S keeps the support, and what is
not negative. Of the iterate x:

| algorithm | next iterate |
|---|---|
| `er` | P_S P_M x |
| `hio` | P_M x where P_S keeps it, x − β P_M x elsewhere |
| `raar` | β/2 (R_S R_M + 1) x + (1 − β) P_M x, R = 2P − 1 |
| `dm` | x + P_S (2 P_M − 1) x − P_M x, the difference map with β = 1 |

The support starts as what the autocorrelation allows and is found anew every few iterations from the blurred density (shrink-wrap); the last
iterations are `er`. All transforms are real ones; two and three dimensions.

Source: ER, HIO: Fienup 1982, doi 10.1364/AO.21.002758; RAAR: Luke 2005, doi 10.1088/0266-5611/21/1/004; difference map: Elser 2003,
doi 10.1364/JOSAA.20.000040; shrink-wrap: Marchesini et al. 2003, doi 10.1103/PhysRevB.68.140101.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

ALGORITHMS = ("er", "hio", "raar", "dm")


@dataclass(frozen=True)
class Phasing:
    """How one start is phased.

    Attributes:
        algorithm: er, hio, raar or dm.
        iterations: All of them.
        refine: Of these, er at the end.
        beta: Of hio and raar.
        shrink_every: Iterations between two supports; 0 keeps the first.
        threshold: Share of the highest blurred density that the support ends at.
        blur: Voxels, standard deviation of the first blur.
        last_blur: The blur falls to this by the end.
        positive: The density is not negative.
    """

    algorithm: str = "raar"
    iterations: int = 400
    refine: int = 50
    beta: float = 0.9
    shrink_every: int = 20
    threshold: float = 0.15
    blur: float = 3.0
    last_blur: float = 1.0
    positive: bool = True


@dataclass(frozen=True)
class Phased:
    """What a start ended with.

    Attributes:
        density: float32, whole grid.
        support: bool.
        error: √(Σ(|F| − A)² / ΣA²) over what was measured.
    """

    density: np.ndarray
    support: np.ndarray
    error: float


class Projector:
    """Measured amplitudes on a grid, q = 0 in the middle.

    Args:
        intensities: What was measured, two or three dimensions; what is not finite, or negative, is not known.
        known: Where it was measured; None: everywhere.
        device: Of the computation.
    """

    def __init__(
        self, intensities: np.ndarray, known: np.ndarray | None = None, device: str | torch.device = "cpu"
    ) -> None:
        usable = np.isfinite(intensities) & (intensities >= 0)
        self.known_centred = usable if known is None else usable & known
        self.amplitudes_centred = np.sqrt(np.where(self.known_centred, np.where(usable, intensities, 0.0), 0.0))
        self.shape = intensities.shape
        half = (..., slice(0, intensities.shape[-1] // 2 + 1))
        self._dims = tuple(range(len(self.shape)))
        shift = lambda values: np.ascontiguousarray(np.fft.ifftshift(values)[half])  # noqa: E731
        self._amplitudes = torch.from_numpy(shift(self.amplitudes_centred).astype(np.float32)).to(device)
        self._known = torch.from_numpy(shift(self.known_centred)).to(device)
        self._unknown = ~self._known
        frequencies = [torch.fft.fftfreq(size) for size in self.shape[:-1]] + [torch.fft.rfftfreq(self.shape[-1])]
        grid = torch.meshgrid(*frequencies, indexing="ij")
        self._q2 = sum(each**2 for each in grid).to(device)  # type: ignore[union-attr]
        self.device = torch.device(device)

    def forward(self, density: torch.Tensor) -> torch.Tensor:
        """Coefficients, half of them."""
        return torch.fft.rfftn(density, dim=self._dims)

    def backward(self, coefficients: torch.Tensor) -> torch.Tensor:
        """The density of coefficients."""
        return torch.fft.irfftn(coefficients, s=self.shape, dim=self._dims)

    def measured(self, density: torch.Tensor) -> torch.Tensor:
        """P_M."""
        own = self.forward(density)
        parts = torch.view_as_real(own)
        power = parts[..., 0].square().addcmul_(parts[..., 1], parts[..., 1])
        scale = power.clamp_(min=1e-24).rsqrt_().mul_(self._amplitudes).masked_fill_(self._unknown, 1.0)
        parts.mul_(scale[..., None])
        return self.backward(own)

    def error(self, density: torch.Tensor) -> float:
        """See `Phased`."""
        difference = torch.where(self._known, self.forward(density).abs() - self._amplitudes, 0.0)
        return float((difference.square().sum() / self._amplitudes.square().sum()).sqrt())

    def blurred(self, density: torch.Tensor, width: float) -> torch.Tensor:
        """A density convolved with a Gaussian of a standard deviation in voxels."""
        return self.backward(self.forward(density) * torch.exp(-2 * (np.pi * width) ** 2 * self._q2))

    def autocorrelation(self) -> torch.Tensor:
        """What the intensities alone say of the density's extent; the middle of the grid is the origin."""
        whole = self.backward((self._amplitudes**2).to(torch.complex64))
        return torch.fft.fftshift(whole)

    def first_support(self, share: float = 0.04) -> torch.Tensor:
        """Voxels r for which 2r lies within the autocorrelation: it is twice as wide as the particle."""
        values = torch.fft.fftshift(self.blurred(torch.fft.ifftshift(self.autocorrelation()), 1.0))
        wide = values > share * values.max()
        index = []
        for size in self.shape:
            doubled = (torch.arange(size) - size // 2) * 2 + size // 2
            index.append(doubled.to(self.device))
        inside = torch.ones(self.shape, dtype=torch.bool, device=self.device)
        for place, (doubled, size) in enumerate(zip(index, self.shape, strict=True)):
            view = [1] * len(self.shape)
            view[place] = size
            inside &= ((doubled >= 0) & (doubled < size)).view(view)
        grid = torch.meshgrid(
            *[each.clamp(0, size - 1) for each, size in zip(index, self.shape, strict=True)], indexing="ij"
        )
        return wide[grid] & inside


def phase(projector: Projector, options: Phasing, seed: int, advance: Callable[[int], None] = lambda _: None) -> Phased:
    """One start from random phases.

    Args:
        projector: What was measured.
        options: How.
        seed: Of the phases.
        advance: Called with the number of iterations that are done.
    """
    support = projector.first_support()
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(projector.shape, generator=generator).to(projector.device)
    x = projector.measured(noise * support)
    every = options.shrink_every
    main = options.iterations - options.refine

    def kept(density: torch.Tensor) -> torch.Tensor:
        return support & (density > 0) if options.positive else support

    for step in range(options.iterations):
        algorithm = options.algorithm if step < main else "er"
        m = projector.measured(x)
        if algorithm == "er":
            x = torch.where(kept(m), m, 0.0)
        elif algorithm == "hio":
            x = torch.where(kept(m), m, x - options.beta * m)
        else:
            reflected = torch.sub(m, x, alpha=0.5).mul_(2)
            s = reflected.mul_(support)
            if options.positive:
                s.clamp_(min=0)
            # of raar: β/2 (2 s − (2 m − x) + x) + (1 − β) m = β (x + s) + (1 − 2 β) m
            x = x.add_(s)
            x = x.sub_(m) if algorithm == "dm" else x.mul_(options.beta).add_(m, alpha=1 - 2 * options.beta)
        if every and (step + 1) % every == 0 and step + 1 < options.iterations:
            share = min(1.0, step / max(1, main))
            width = options.blur + (options.last_blur - options.blur) * share
            smooth = projector.blurred(m, width)
            support = smooth > options.threshold * smooth.max()
        advance(1)
    m = projector.measured(x)
    density = torch.where(kept(m), m, 0.0)
    return Phased(density.float().cpu().numpy(), support.cpu().numpy(), projector.error(density))

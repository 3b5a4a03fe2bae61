"""`flow_matching`: the velocity that carries a draw of the prior to a conformer of the molecule.

    loss = mean over molecules of the mean over atoms of |v(x_t, t) - u_t|,    t uniform in (10⁻⁴, 1 - 10⁻⁴)

with x_t and u_t of `nn.atoms.flow`; the norm is not squared. With the prior "etkdg" the network learns to refine embedded conformers, which
the section [conformers] brings; with "mixed" it learns both.

Source: Hassan et al. 2024 (arXiv:2410.22388); Lipman et al. 2023 (arXiv:2210.02747).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.atoms.conformers.batch import ConformerBatch
from hooke.core.errors import UsageError
from hooke.nn.atoms.flow import EARLIEST, aligned, draw, path
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """The path from the prior to conformers."""

    prior: Literal["harmonic", "gaussian", "etkdg", "mixed"] = (
        "harmonic"  # "mixed": harmonic or etkdg, each of half the molecules
    )
    align: bool = True  # turn the draw onto the conformer
    sigma: float = 0.1  # Å, of the noise on the way
    times: Literal["uniform", "logit_normal"] = "uniform"

    def __post_init__(self) -> None:
        if self.sigma < 0:
            raise ValueError(f"sigma must be 0 or more, got {self.sigma}")


class Network(nn.Module):
    """An encoder whose output is the velocity."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, batch: ConformerBatch) -> Float[Tensor, "A 3"]:
        """Velocities in Å."""
        return self.encoder(batch)

    def embed(self, batch: ConformerBatch) -> Float[Tensor, "F width"]:
        """Of the encoder."""
        return self.encoder.embed(batch)  # type: ignore[operator]


class Task(BaseTask):
    """Flow matching; there are no labels."""

    modality = "conformers"
    supervised = False
    config: Config

    def network(self, encoder: nn.Module) -> Network:
        """The encoder alone."""
        return Network(encoder)

    def losses(
        self, network: nn.Module, batch: ConformerBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """See `Task.losses`."""
        config = self.config
        start = self._start(batch, generator)
        if config.align:
            start = aligned(batch, start, batch.positions)
        shape: dict[str, Any] = {"generator": generator, "device": generator.device, "dtype": batch.positions.dtype}
        uniform = config.times == "uniform"
        time = torch.rand(batch.num_items, **shape) if uniform else torch.randn(batch.num_items, **shape).sigmoid()
        time = time.clamp(EARLIEST, 1 - EARLIEST)
        there, wanted = path(batch, start, time, config.sigma, generator)
        with random_from(generator, network, batch):
            found = network(replace(batch, positions=there, time=time))
        return {"loss": batch.means((found - wanted).norm(dim=1, keepdim=True)).mean()}

    def _start(self, batch: ConformerBatch, generator: torch.Generator) -> Tensor:
        """x₀.

        Raises:
            UsageError: Embedded conformers are asked for, and the data bring none.
        """
        prior = self.config.prior
        if prior in ("etkdg", "mixed") and not len(batch.starts):
            raise UsageError(
                f"the prior {prior!r} begins at embedded conformers: set conformers.starts, for example to 4"
            )
        if prior != "mixed":
            return draw(batch, prior, generator)
        embedded = torch.rand(batch.num_items, generator=generator, device=generator.device) < 0.5
        return torch.where(
            embedded[batch.frame][:, None], draw(batch, "etkdg", generator), draw(batch, "harmonic", generator)
        )  # fmt: skip

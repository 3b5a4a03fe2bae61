"""`masked_image`: hide patches of images and reconstruct them (MAE, CA-MAE, MU-net).

    loss = (1 - α) mean over hidden patches of (x̂ - x)² + α | |F x̂| - |F x| |

Source: He et al. 2022 (arXiv 2111.06377); Fourier term: Kraus et al. 2023 (arXiv 2309.16064), α = 0.01 in their "+" models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.images.tiles import Symmetry
from hooke.nn.images.classification import turned
from hooke.nn.images.fourier import reconstruction_losses
from hooke.nn.images.network import ReconstructionNetwork
from hooke.nn.masking import random_noise
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """Masks and losses."""

    mask_ratio: float = 0.75  # share of hidden patches
    fourier_weight: float = 0.0  # α
    orthonormal: bool = False  # divide the Fourier transform by √(H W)
    normalise_patches: bool = False  # compare with patches that are normalised one by one
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    channel_subsets: bool = False  # train on random subsets of the channels (channel-agnostic encoders)


class Task(BaseTask):
    """Masked reconstruction.

    Args:
        config: Masks and losses.
        spec: Not used: there are no labels.

    Raises:
        UsageError: α is not in [0, 1), or normalised patches with a Fourier term, which is about pixels.
    """

    modality = "images"
    supervised = False
    example_model = MappingProxyType({"name": "mae", "preset": "tiny", "depth": 2})

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__(config, spec)
        if not 0 <= config.fourier_weight < 1:
            raise UsageError(f"fourier_weight must be in [0, 1), got {config.fourier_weight}")
        if config.normalise_patches and config.fourier_weight:
            raise UsageError("the Fourier term compares images; it cannot go with normalise_patches")

    def network(self, encoder: nn.Module) -> ReconstructionNetwork:
        """The encoder; its decoder is its own."""
        network = ReconstructionNetwork(encoder)
        if self.config.channel_subsets and not network.encoder.agnostic:
            raise UsageError("channel_subsets needs a channel-agnostic encoder: ca_mae")
        return network

    def losses(self, network: nn.Module, batch: ImageBatch, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts.

        Args:
            network: What `network` made, possibly wrapped or compiled.
            batch: Images.
            step: Training step; this task does not change with it.
            generator: Source of masks, turns and dropout.

        Returns:
            "loss" (scalar to differentiate), "mse" and, with α > 0, "fourier".
        """
        config = self.config
        with random_from(generator, network):
            if network.training:
                batch = turned(batch, config.symmetry, generator)
                if config.channel_subsets:
                    batch = some_channels(batch, generator)
            patches: int = network.encoder.maskable(batch)  # type: ignore[operator, union-attr]
            noise = random_noise(batch.num_items, patches, generator, batch.pixels.device)
            found = network(batch, noise, config.mask_ratio, whole=config.fourier_weight > 0)
        return reconstruction_losses(
            found,
            fourier_weight=config.fourier_weight,
            orthonormal=config.orthonormal,
            normalise=config.normalise_patches,
        )


def some_channels(batch: ImageBatch, generator: torch.Generator) -> ImageBatch:
    """A random subset of the channels: how many is uniform from 1 to all, which ones as well."""
    total = len(batch.channels)
    count = int(torch.randint(1, total + 1, (), generator=generator, device=generator.device))
    chosen = torch.randperm(total, generator=generator, device=generator.device)[:count].sort().values.tolist()
    return replace(batch, pixels=batch.pixels[:, chosen], channels=tuple(batch.channels[index] for index in chosen))

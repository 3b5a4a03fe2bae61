"""`sit_v1`: SiT as first published: reconstruction, rotation prediction and contrast together.

    two damaged views of each image, each turned by a random multiple of 90°
    loss = Σ_k [ e^(-a_k s_k) L_k + s_k / 2 ],  s_k learned,  a = 1 for rotation and contrast, 1/2 for reconstruction
    L_rotation = cross-entropy of the 4 turns;  L_contrast = NT-Xent (τ = 1/2);  L_reconstruction = mean |x̂ - x| over all pixels

The encoder needs two class tokens: the first predicts the rotation, the second is contrasted; patches reconstruct the view
before its damage. Predicting the rotation of cells has no right answer where cells look alike from all sides: `rotation` in the
metrics stays near log 4 there.

Source: Atito et al. 2021, version 1 (arXiv 2104.03602) and its public code.
Differs from it: views by shifts, reflections and contrast instead of colour changes, which fit any channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.corruption import Fill, corrupt
from hooke.nn.images.channels import in_order, standardise
from hooke.nn.images.dihedral import ROTATIONS, random_elements, random_view, turn_each
from hooke.nn.images.encoder import PatchTokenEncoder
from hooke.nn.images.network import ImageNetwork
from hooke.nn.images.patches import unpatchify
from hooke.nn.losses import nt_xent
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask

ADJUSTMENT = {"reconstruction": 0.5, "rotation": 1.0, "contrast": 1.0}


@dataclass(frozen=True)
class Config:
    """Damage and contrast."""

    corruption: float = 0.5  # largest share of an image that is damaged
    align: int = 1  # pixels
    fill: Fill = "elsewhere"
    temperature: float = 0.5  # τ
    contrast_width: int = 512
    rotation: bool = True  # predict the rotation


class Network(ImageNetwork):
    """An encoder with the three heads and the learned weights of the losses.

    Raises:
        UsageError: The encoder has no patches, or fewer than two class tokens.
    """

    def __init__(self, encoder: Any, config: Config) -> None:
        fits = isinstance(encoder, PatchTokenEncoder) and not encoder.agnostic
        learned = encoder.encoder.learned if fits else 0
        if learned < 2:
            raise UsageError(f"sit_v1 needs the encoder vit with class_tokens = 2, got one with {learned}")
        super().__init__(encoder)
        width, self.patch = int(encoder.width), int(encoder.patch)
        self.reconstruct = nn.Linear(width, len(encoder.channels) * self.patch**2)
        self.rotate = nn.Linear(width, len(ROTATIONS)) if config.rotation else None
        self.contrast = nn.Linear(width, config.contrast_width)
        names = [name for name in ADJUSTMENT if config.rotation or name != "rotation"]
        self.log_weights = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in names})

    def forward(self, batch: ImageBatch) -> tuple[Tensor, Tensor | None, Tensor]:
        """(B, C, H, W) reconstruction, (B, 4) rotation logits or None, and (B, width) rows to contrast."""
        encoder: Any = self.encoder
        output = encoder(batch)
        tokens, learned = output.tokens, output.class_tokens
        image = unpatchify(self.reconstruct(tokens[:, learned:]), output.grid, self.patch)
        rotation = None if self.rotate is None else self.rotate(tokens[:, 0])
        return image, rotation, self.contrast(tokens[:, 1])


class Task(BaseTask):
    """SiT, version 1.

    Args:
        config: Damage and contrast.
        spec: Not used: there are no labels.
    """

    modality = "images"
    supervised = False
    example_model = MappingProxyType({"name": "vit", "preset": "tiny", "depth": 2, "class_tokens": 2})

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with the three heads."""
        return Network(encoder, self.config)

    def losses(self, network: nn.Module, batch: ImageBatch, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts.

        Args:
            network: What `network` made, possibly wrapped or compiled.
            batch: Square images.
            step: Training step; this task does not change with it.
            generator: Source of views, turns, damage and dropout.

        Returns:
            "loss" (scalar to differentiate), "reconstruction", "rotation", "contrast" and "rotation_accuracy".
        """
        encoder: Any = network.encoder
        images = standardise(in_order(batch, encoder.channels), encoder.encoder.dtype)
        with random_from(generator, network):
            views, damaged, turns = [], [], []
            for _ in range(2):
                turn = random_elements(batch.num_items, generator, ROTATIONS, images.device)
                view = standardise(turn_each(random_view(images, generator), turn), images.dtype)
                broken, _ = corrupt(
                    view, generator, most=self.config.corruption, align=self.config.align, fill=self.config.fill
                )
                views.append(view)
                damaged.append(broken)
                turns.append(turn)
            both = replace(
                batch, pixels=torch.cat(damaged), channels=encoder.channels, rows=batch.rows.repeat(2), targets={},
                batch_index=None, control=None,
            )  # fmt: skip
            image, rotation, rows = network(both)
        first, second = rows.float().chunk(2) if rows.dtype == torch.bfloat16 else rows.chunk(2)
        parts = {
            "reconstruction": (image - torch.cat(views)).abs().mean(),
            "contrast": nt_xent(first, second, self.config.temperature),
        }
        more: dict[str, Tensor] = {}
        if rotation is not None:
            answer = torch.cat(turns)
            parts["rotation"] = functional.cross_entropy(rotation, answer)
            more["rotation_accuracy"] = (rotation.argmax(1) == answer).to(rotation.dtype).mean()
        weights: Any = network.log_weights
        loss = weighted_sum(parts, {name: weights[name] for name in parts})
        return {"loss": loss, **{name: part.detach() for name, part in {**parts, **more}.items()}}


def weighted_sum(parts: Mapping[str, Tensor], log_weights: Mapping[str, Tensor]) -> Tensor:
    """Σ_k [ e^(-a_k s_k) L_k + s_k / 2 ]."""
    terms = [
        (-ADJUSTMENT[name] * log_weights[name]).exp() * part + log_weights[name] / 2 for name, part in parts.items()
    ]
    return torch.stack(terms).sum()

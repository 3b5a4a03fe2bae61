"""`sit_v2`: SiT as in its second version: GMML reconstruction and a momentum teacher, without rotations.

    student: two damaged views; teacher: the same views undamaged
    loss = contrast + λ reconstruction
    reconstruction = mean |x̂ - x| over damaged pixels (0 when none is)
    contrast = mean over both directions of 2 τ CE(student's query of one view, teacher's keys of the other)

The teacher is an exponential moving average of the student (`tasks.sit_v2`), part of the network and of its saved state, and
follows at most once a step. Nothing here needs several processes.

Source: Atito et al. 2021, version 2 (arXiv 2104.03602) and its public code; contrast as in MoCo v3 (arXiv 2104.02057).
Differs from it: batch-norm buffers of the teacher are averaged too; views by shifts, reflections and contrast.

A teacher that follows its student as an exponential moving average.

    w̄ ← m w̄ + (1 - m) w,  m = 1 - (1 - m₀) (cos(π t) + 1) / 2,  t from 0 to 1 over training

Buffers with fractions (batch-norm statistics) are averaged like weights, counters are copied. The teacher's own passes never
change its statistics: in training its batch norms use those of the mini-batch.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.corruption import Fill, corrupt
from hooke.nn.images.channels import in_order, standardise
from hooke.nn.images.dihedral import random_view
from hooke.nn.images.encoder import PatchTokenEncoder
from hooke.nn.images.network import ImageNetwork
from hooke.nn.images.output import ImageOutput
from hooke.nn.images.patches import unpatchify
from hooke.nn.losses import key_contrast
from hooke.nn.mlp import RowBatchNorm
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


def momentum_at(step: int, steps: int, start: float) -> float:
    """M at a step; 1 from the last one on."""
    return 1 - (1 - start) * (math.cos(math.pi * min(1.0, step / max(1, steps))) + 1) / 2


class Teacher(nn.Module):
    """A copy of a module that gets no gradient.

    Attributes:
        seen: The last training step that was taken in, -1 before the first.
    """

    seen: Tensor

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(student)
        for parameter in self.module.parameters():
            parameter.requires_grad_(False)
        for part in self.module.modules():
            if isinstance(part, _BatchNorm):
                part.momentum = 0.0
        self.register_buffer("seen", torch.tensor(-1))

    @torch.no_grad()
    def follow(self, student: nn.Module, momentum: float, step: int) -> None:
        """Take in the student's weights, once a step; at the first step they are the same already."""
        if step <= int(self.seen):
            return
        self.seen.fill_(step)
        mine = self.module.state_dict()
        for name, tensor in student.state_dict().items():
            if tensor.is_floating_point():
                mine[name].lerp_(tensor, 1 - momentum)
            else:
                mine[name].copy_(tensor)


@dataclass(frozen=True)
class Config:
    """Damage, contrast and teacher."""

    corruption: float = 0.5  # largest share of an image that is damaged
    align: int = 1  # pixels
    fill: Fill = "zeros"
    replace: float = 0.5  # probability that an image gets blocks of another one instead
    reconstruction_weight: float = 1.0  # λ; 5 for small data sets
    temperature: float = 0.2  # τ
    hidden_width: int = 4096  # of the contrast head
    contrast_width: int = 256
    momentum: float = 0.996  # of the teacher, at the start; rises to 1
    momentum_steps: int = 100_000  # steps over which it does


PRESETS: dict[str, Config] = {
    "tiny": Config(hidden_width=256, contrast_width=64, momentum=0.99, momentum_steps=2000),
    "small_data": Config(reconstruction_weight=5.0),
}


def contrast_head(width: int, config: Config) -> nn.Sequential:
    """The MLP whose rows are contrasted; batch norm throughout, the last one without weights."""
    hidden = config.hidden_width
    return nn.Sequential(
        nn.Linear(width, hidden, bias=False), RowBatchNorm(hidden), nn.ReLU(),
        nn.Linear(hidden, hidden, bias=False), RowBatchNorm(hidden), nn.ReLU(),
        nn.Linear(hidden, config.contrast_width, bias=False), RowBatchNorm(config.contrast_width, affine=False),
    )  # fmt: skip


def look(parts: Any, batch: ImageBatch) -> tuple[ImageOutput, Tensor]:
    """What encoder and contrast head, of the student or of the teacher, make of images."""
    output = parts["encoder"](batch)
    return output, parts["contrast"](output.tokens[:, 0] if output.class_tokens else output.embedding)


class Network(ImageNetwork):
    """Student, its reconstruction head, and the teacher.

    Raises:
        UsageError: The encoder has no patches of all channels together.
    """

    def __init__(self, encoder: Any, config: Config) -> None:
        if not isinstance(encoder, PatchTokenEncoder) or encoder.agnostic:
            raise UsageError("sit_v2 needs the encoder vit")
        super().__init__(encoder)
        width, self.patch = int(encoder.width), int(encoder.patch)
        self.contrast = contrast_head(width, config)
        self.reconstruct = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, len(encoder.channels) * self.patch**2),
        )  # fmt: skip
        self.teacher = Teacher(self.student())

    def student(self) -> nn.ModuleDict:
        """What the teacher follows."""
        return nn.ModuleDict({"encoder": self.encoder, "contrast": self.contrast})

    def forward(self, damaged: ImageBatch, clean: ImageBatch) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) reconstruction, and (B, width) queries of the student and keys of the teacher."""
        output, queries = look({"encoder": self.encoder, "contrast": self.contrast}, damaged)
        with torch.no_grad():
            _, keys = look(self.teacher.module, clean)
        image = unpatchify(self.reconstruct(output.tokens[:, output.class_tokens :]), output.grid, self.patch)
        return image, queries, keys


class Task(BaseTask):
    """SiT, version 2.

    Args:
        config: Damage, contrast and teacher.
        spec: Not used: there are no labels.
    """

    modality = "images"
    supervised = False

    def network(self, encoder: nn.Module) -> Network:
        """Student and teacher."""
        return Network(encoder, self.config)

    def losses(self, network: nn.Module, batch: ImageBatch, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts.

        Args:
            network: What `network` made, possibly wrapped or compiled.
            batch: Images.
            step: Training step; the teacher follows when it is a new one.
            generator: Source of views, damage and dropout.

        Returns:
            "loss" (scalar to differentiate), "reconstruction" and "contrast".
        """
        config = self.config
        encoder: Any = network.encoder
        if network.training:
            teacher: Any = network.teacher
            student: Any = network.student
            teacher.follow(student(), momentum_at(step, config.momentum_steps, config.momentum), step)
        images = standardise(in_order(batch, encoder.channels), encoder.encoder.dtype)
        with random_from(generator, network):
            views = torch.cat([standardise(random_view(images, generator), images.dtype) for _ in range(2)])
            broken, masks = zip(
                *(
                    corrupt(
                        part, generator, most=config.corruption, align=config.align, fill=config.fill,
                        replace=config.replace,
                    )
                    for part in views.chunk(2)
                ),
                strict=True,
            )  # fmt: skip
            clean = replace(
                batch, pixels=views, channels=encoder.channels, rows=batch.rows.repeat(2), targets={}, batch_index=None,
                control=None,
            )  # fmt: skip
            image, queries, keys = network(replace(clean, pixels=torch.cat(broken)), clean)
        first, second = queries.chunk(2)
        key_first, key_second = keys.chunk(2)
        contrast = (
            key_contrast(first, key_second, config.temperature) + key_contrast(second, key_first, config.temperature)
        ) / 2
        reconstruction = damaged_error(image, views, torch.cat(masks))
        loss = contrast + config.reconstruction_weight * reconstruction
        return {"loss": loss, "reconstruction": reconstruction.detach(), "contrast": contrast.detach()}


def damaged_error(
    prediction: Float[Tensor, "images channels height width"],
    target: Float[Tensor, "images channels height width"],
    mask: Tensor,
) -> Float[Tensor, ""]:
    """The mean absolute error over damaged pixels; 0 when there is none."""
    weight = mask[:, None].to(prediction.dtype)
    total = weight.sum() * prediction.shape[1]
    return ((prediction - target).abs() * weight).sum() / total.clamp(min=1)

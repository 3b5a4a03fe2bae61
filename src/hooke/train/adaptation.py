"""How fine-tuning treats each level of an encoder (`nn.depth`): which parameters are trained, from which epoch, and how fast.

    rate of level l = encoder_rate · layer_decay ^ (L - l),  l ≤ L;  encoder_rate for what comes after the last layer

With `encoder_layers = k` the last k layers and what comes after them are trained from `encoder_from_epoch` on; everything before them, inputs
and what all layers share included, keeps its weights and running statistics and is computed without dropout. With `unfreeze_every = n` one
layer more is trained every n epochs, the inputs last.

Source: rates by layer and gradual unfreezing: Howard and Ruder 2018 (ULMFiT, arXiv 1801.06146); a factor for each layer as in BEiT
(arXiv 2106.08254).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection
from hooke.nn.depth import Depth, depth_of

_ENCODER = "encoder."


@dataclass(frozen=True)
class Adaptation:
    """What is trained of a network, when and how fast.

    Attributes:
        network: Encoder and heads.
        section: How it is trained.
        depth: Of the encoder; None where nothing asks for its levels.
        levels: Name of a parameter of the network → level, for those of the encoder where its levels matter.
    """

    network: nn.Module
    section: TrainSection
    depth: Depth | None
    levels: Mapping[str, int]

    @classmethod
    def of(cls, network: nn.Module, section: TrainSection) -> Adaptation:
        """How this network is adapted.

        Raises:
            UsageError: Layers are asked for that the encoder does not have, or its layers are not known.
        """
        encoder = getattr(network, "encoder", None)
        by_level = section.encoder_layers >= 0 or section.layer_decay < 1
        if encoder is None or section.encoder_rate == 0 or not by_level:
            return cls(network, section, None, {})
        depth = depth_of(encoder)
        if section.encoder_layers > depth.count:
            raise UsageError(
                f"train.encoder_layers is {section.encoder_layers}, but the encoder has {depth.count} layers"
            )
        return cls(network, section, depth, {_ENCODER + name: level for name, level in depth.levels.items()})

    def first_epoch(self, name: str) -> int | None:
        """The epoch, from 0, from which a parameter is trained; None for never."""
        if not name.startswith(_ENCODER):
            return 0
        if self.section.encoder_rate == 0:
            return None
        return self._level_epoch(self.levels.get(name, 0))

    def rate(self, name: str) -> float:
        """Factor on the learning rate of a parameter."""
        if not name.startswith(_ENCODER):
            return 1.0
        if self.depth is None:
            return self.section.encoder_rate
        return self.section.encoder_rate * self.section.layer_decay ** max(0, self.depth.count - self.levels[name])

    def freeze(self) -> None:
        """What is never trained needs no gradient."""
        for name, parameter in self.network.named_parameters():
            if self.first_epoch(name) is None:
                parameter.requires_grad = False

    def set_training(self, epoch: int) -> None:
        """Training mode of what is trained in an epoch; the rest is in evaluation mode: without dropout, running statistics stay."""
        self.network.train()
        encoder = getattr(self.network, "encoder", None)
        if encoder is None:
            return
        if self.depth is None:
            if self.section.encoder_rate == 0 or epoch < self.section.encoder_from_epoch:
                encoder.eval()
            return
        last = self.depth.count + 1
        waiting = [level for level in range(last + 1) if not self._trains(level, epoch)]
        self.depth.train(max(waiting, default=-1) + 1)

    def _trains(self, level: int, epoch: int) -> bool:
        first = self._level_epoch(level)
        return first is not None and epoch >= first

    def _level_epoch(self, level: int) -> int | None:
        start = self.section.encoder_from_epoch
        if self.depth is None or self.section.encoder_layers < 0:
            return start
        later = self.depth.count - self.section.encoder_layers + 1 - level  # layers that are trained before it
        if later <= 0:
            return start
        return start + later * self.section.unfreeze_every if self.section.unfreeze_every else None

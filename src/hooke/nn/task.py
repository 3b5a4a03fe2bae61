"""`Task`: what every objective is; a task file has `Config` (frozen dataclass) and a subclass called `Task`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hooke.core.label import Label


class Task(ABC):
    """An objective: what it adds to an encoder, the loss of a batch, and what is predicted.

    Args:
        config: The file's own options.
        spec: What the data are like; a task of released runs is made from the spec of the run.

    Attributes:
        modality: The kind of data, stated by every task.
        supervised: Whether labels are learnt and predicted.
        states_spread: Whether a single network states the spread of its predictions.
        example_model: For the contract kit, a recipe's table [model] of a small encoder, where that of `Trainable.example` does not serve.
    """

    modality: ClassVar[str]
    supervised: ClassVar[bool] = True
    states_spread: bool = False
    example_model: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, config: Any, spec: Any) -> None:
        self.config, self.spec = config, spec

    @classmethod
    def learns_labels(cls, config: Any) -> bool:
        """Whether the objective learns labels with these options."""
        return cls.supervised

    @classmethod
    def learnt(cls, config: Any, labels: Sequence[Label]) -> tuple[Label, ...]:
        """Which labels of a data set the objective learns with these options, in their order; all, unless a task says otherwise.

        Raises:
            UsageError: There are none, or an option names one that is not there.
        """
        return tuple(labels)

    def needs(self, spec: Any) -> Any:
        """The spec of items that carry, beside labels, what the task predicts."""
        return spec

    def inputs(self, spec: Any) -> Any:
        """What of the spec the encoder may read: not what the task predicts."""
        return spec

    @abstractmethod
    def network(self, encoder: nn.Module) -> nn.Module:
        """The encoder, as `encoder` of a module with `embed`, and what the objective adds."""

    @abstractmethod
    def losses(self, network: nn.Module, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch: "loss", a scalar to differentiate, and its detached parts; each a mean over the items.

        Args:
            network: What `network` made, possibly wrapped or compiled.
            batch: Items with targets.
            step: Training step.
            generator: Source of all randomness.
        """

    def parts(self, network: nn.Module, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Parts of the loss, to differentiate; `train.loop` compares their pull at the encoder."""
        return {"loss": self.losses(network, batch, step, generator)["loss"]}

    def columns(self, level: str) -> list[str]:
        """Names of the predicted columns of a level."""
        return []

    def predict(self, network: nn.Module, batch: Any) -> dict[str, Tensor]:
        """Level → (items, columns), probabilities for classes; in evaluation mode, without gradients, modes are left alone."""
        return {}

    def spread(self, network: nn.Module, batch: Any) -> dict[str, Tensor]:
        """Level → (items, columns) standard deviations that a task with `states_spread` states."""
        return {}

"""One network of a run: built, trained on this or several devices, and loaded with its best weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lightning_fabric import Fabric

from hooke.core.errors import DataError
from hooke.core.files import disk_full_explained
from hooke.core.progress import progress
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.nn.weights import load_weights, read_weights
from hooke.train.devices import launch, make_fabric
from hooke.train.events import event_file
from hooke.train.loop import Loader, Trainer

Watch = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Member(ABC):
    """Everything that a process needs to train one network of a run; it can be sent to another process.

    Each domain has its own: `MoleculeMember`, `ImageMember`.

    Attributes:
        run: The run.
        recipe: How to train.
        store: Folder of the prepared data.
        train_rows, valid_rows: Which rows to learn from and to choose the best epoch by.
        number: Which member of the ensemble.
        part: "members", or "refit" for the training on all rows.
        pretrained: A run whose encoder weights are the start.
        show_progress: Show a progress bar.
        watch: Called with the metrics of every epoch; what it raises ends the training.
    """

    unit: ClassVar[str]
    draws_by_item: ClassVar[bool] = False  # see `Trainer`

    run: RunFolder
    recipe: Recipe
    store: Path
    train_rows: np.ndarray
    valid_rows: np.ndarray
    number: int
    part: str = "members"
    pretrained: Path | None = None
    show_progress: bool = True
    watch: Watch | None = None

    @property
    def folder(self) -> Path:
        """Where its weights are."""
        return self.run.path(f"{self.part}/{self.number}")

    @property
    def seed(self) -> int:
        """Of its weights, order and dropout."""
        return self.recipe.seed * 1000 + self.number

    @property
    def items(self) -> int:
        """Molecules or crops of an epoch."""
        return len(self.train_rows)

    @abstractmethod
    def network(self) -> tuple[torch.nn.Module, Any]:
        """A new network, initialised from the member's seed, and its task."""

    @abstractmethod
    def loaders(self, *, rank: int, world: int) -> tuple[Loader, Loader]:
        """Batches to learn from and to validate by, for one of `world` processes."""

    def start(self, network: torch.nn.Module) -> None:
        """Put the weights of other runs into a new network."""
        if self.pretrained is not None:
            load_encoder(self, network, self.pretrained)

    def start_from(self, network: Any, weights: dict[str, torch.Tensor]) -> None:
        """Put a pretrained encoder's weights into a network; `RuntimeError` when they do not fit."""
        network.encoder.load_state_dict(weights)


def trained(member: Member) -> torch.nn.Module:
    """The network with the weights of its best epoch; trained first, unless that was done before a kill."""
    if not (member.folder / "last.safetensors").exists():
        launch(make_fabric(member.recipe.train), _train, member)
    network, _ = member.network()
    load_weights(network, member.folder / "best.safetensors")
    return network


def load_encoder(member: Member, network: Any, pretrained: Path) -> None:
    """Put a pretrained run's best encoder weights into a member's network.

    Raises:
        DataError: The encoders differ.
    """
    try:
        member.start_from(network, encoder_weights(pretrained, member.number))
    except RuntimeError as error:
        raise DataError(f"the encoder of {pretrained} does not fit this recipe's model: {error}") from error


def encoder_weights(pretrained: Path, number: int) -> dict[str, torch.Tensor]:
    """The best weights of the encoder of a run's member; of member `number` modulo their count.

    Raises:
        DataError: The run holds none.
    """
    run = RunFolder.open(pretrained)
    members = sorted(run.path("members").glob("*/best.safetensors"))
    if not members:
        raise DataError(f"{pretrained} holds no trained weights")
    weights = read_weights(members[number % len(members)])
    return {name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")}


def _train(fabric: Fabric, member: Member) -> None:
    """The job of each process."""
    section, run, first = member.recipe.train, member.run, fabric.is_global_zero
    network, task = member.network()
    member.start(network)
    whose = {"part": member.part, "member": member.number}

    def log(**fields: Any) -> None:
        run.log_metrics(**whose, **fields)
        if events is not None:
            events.write(**fields)
        if member.watch is not None:
            member.watch(fields)

    train, valid = member.loaders(rank=fabric.global_rank, world=fabric.world_size)
    trainer = Trainer(
        network, task, section, fabric=fabric, seed=member.seed, folder=member.folder, log=log, train=train, valid=valid,
        draws_by_item=member.draws_by_item,
    )  # fmt: skip
    done = trainer.saved_epoch()
    if first:  # lines after the saved state would come twice
        lines = run.metrics()
        kept = [line for line in lines if {name: line[name] for name in whose} != whose or line["epoch"] <= done]
        if kept != lines:
            run.rewrite_metrics(kept)
    recipe = member.recipe
    name = recipe.name if section.ensemble == 1 else f"{recipe.name} {member.number + 1}/{section.ensemble}"
    total = round(member.items * trainer.total_steps / trainer.steps_per_epoch)
    folder = run.path(f"tensorboard/{member.part}-{member.number}")
    with (
        disk_full_explained(run.folder, "the last saved state is kept"),
        event_file(folder, after=done) if section.tensorboard and first else nullcontext() as events,
        progress(total, f"training {name}", member.unit, show=member.show_progress and first) as bar,
    ):
        trainer.run(bar)

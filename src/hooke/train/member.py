"""One network of a run: built, trained on this or several devices, and loaded with its best weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from hooke.core.checked import check_seal, say_made_again
from hooke.core.errors import DamagedError, DataError
from hooke.core.files import disk_full_explained, remove
from hooke.core.progress import progress
from hooke.core.recipe import METRIC_MONITOR, Recipe, base_config
from hooke.core.runs import RunFolder
from hooke.core.types import Loader, Spec
from hooke.inference.loaded import read_recipe
from hooke.inference.network import build_network, build_task
from hooke.modalities import Trainable, trainable
from hooke.nn.task import Task
from hooke.nn.weights import encoder_weights, load_weights
from hooke.nn.width_transfer import transfer_width
from hooke.train.checkpoint import check_state
from hooke.train.devices import launch, make_fabric
from hooke.train.loggers import Logged, names_of, open_loggers
from hooke.train.loop import Trainer
from hooke.train.monitor import Monitor
from hooke.train.pretrained import cut_weights

Watch = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Member:
    """Everything that a process needs to train one network of a run; it can be sent to another process.

    Attributes:
        run: The run.
        recipe: How to train.
        spec: Of the data.
        store: Folder of the prepared data.
        train_rows, valid_rows: Which rows to learn from and to choose the best epoch by.
        number: Which member of the ensemble.
        part: "members", or "refit" for the training on all rows.
        pretrained: A run whose encoder weights are the start.
        show_progress: Show a progress bar.
        watch: Called with the metrics of every epoch; what it raises ends the training.
    """

    run: RunFolder
    recipe: Recipe
    spec: Spec
    store: Path
    train_rows: np.ndarray
    valid_rows: np.ndarray
    number: int
    part: str = "members"
    pretrained: Path | None = None
    show_progress: bool = True
    watch: Watch | None = None

    @property
    def modality(self) -> Trainable:
        """The kind of data."""
        return trainable(self.recipe.modality, "fit")

    @property
    def folder(self) -> Path:
        """Where its weights are."""
        return self.run.path(f"{self.part}/{self.number}")

    @property
    def seed(self) -> int:
        """Of its weights, order and dropout."""
        return self.recipe.seed * 1000 + self.number

    def network(self) -> tuple[torch.nn.Module, Task]:
        """A new network, initialised from the member's seed, and its task."""
        recipe = self.recipe
        task = build_task(recipe.task, self.spec)
        torch.manual_seed(self.seed)
        network = build_network(self.modality, recipe.model, self.spec, task)
        if (base := base_config(recipe)) is not None:
            with torch.device("meta"):
                narrow = build_network(self.modality, recipe.model, self.spec, task, config=base)
            transfer_width(network, narrow)
        self.modality.configure(network, recipe)
        return network, task

    def loaders(self, *, rank: int, world: int) -> tuple[Loader, Loader]:
        """Batches to learn from and to validate by, for one of `world` processes."""
        modality = self.modality
        store, shared = modality.open(self.store), {"rank": rank, "world": world}
        return (
            modality.loader(store, self.train_rows, self.spec, self.recipe, part="train", seed=self.seed, **shared),
            modality.loader(store, self.valid_rows, self.spec, self.recipe, part="valid", **shared),
        )

    def metric(self, task: Task, device: torch.device) -> Monitor | None:
        """What chooses the best epoch, where it is no loss; a refit on all rows chooses none."""
        if not self.recipe.train.monitor.startswith(METRIC_MONITOR) or self.part != "members":
            return None
        store = self.modality.open(self.store)
        return Monitor.of(self.recipe, self.spec, task, store, self.valid_rows, device)

    def _pretrained_weights(self, run: RunFolder, encoder: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The pretrained encoder's weights by their names in this encoder: a dropout more or less in a chain shifts the numbers there."""
        weights, before, start = encoder_weights(run, self.number), read_recipe(run).model, self.recipe.train.start_from
        if before.name != self.recipe.model.name or (before == self.recipe.model and start == "encoder"):
            return weights
        with torch.device("meta"):
            task = build_task(self.recipe.task, self.spec)
            old = build_network(self.modality, before, self.spec, task).get_submodule("encoder")
        if start != "encoder":
            return cut_weights(weights, old, encoder, start)
        names = dict(zip(old.state_dict(), encoder.state_dict(), strict=False))
        return {names.get(name, name): value for name, value in weights.items()}

    def start(self, network: torch.nn.Module) -> None:
        """Put the weights of other runs into a new network.

        Raises:
            DataError: The encoders differ.
        """
        weights = (
            None
            if self.pretrained is None
            else self._pretrained_weights(RunFolder.open(self.pretrained), network.get_submodule("encoder"))
        )
        try:
            self.modality.start(network, weights, self.recipe, self.number)
        except RuntimeError as error:
            raise DataError(f"the encoder of {self.pretrained} does not fit this recipe's model: {error}") from error


def trained(member: Member) -> torch.nn.Module:
    """The network with the weights of its best epoch; trained first, unless that was done before a kill."""
    _forget_damaged(member.folder)
    if not (member.folder / "last.safetensors").exists():
        launch(make_fabric(member.recipe.train), _train, member)
    network, _ = member.network()
    load_weights(network, member.folder / "best.safetensors")
    return network


def _forget_damaged(folder: Path) -> None:
    """Remove what an earlier process left and cannot be used: the member is then trained from its start."""
    weights, state = [folder / f"{name}.safetensors" for name in ("last", "best")], folder / "state.pt"
    try:
        if weights[0].exists():
            for path in weights:
                check_seal(path)
            if state.exists():  # a kill came between the weights and its end
                remove(state)
        elif state.exists():
            check_state(state)
            if weights[1].exists():
                check_seal(weights[1])
    except (DamagedError, FileNotFoundError) as error:
        say_made_again(error)
        for path in (*weights, state):
            remove(path)


def _train(fabric: Fabric, member: Member) -> None:
    """The job of each process."""
    section, run, first = member.recipe.train, member.run, fabric.is_global_zero
    network, task = member.network()
    member.start(network)
    whose = {"part": member.part, "member": member.number}

    def log(**fields: Any) -> None:
        run.log_metrics(**whose, **fields)
        epoch, metrics = fields["epoch"], {name: value for name, value in fields.items() if name != "epoch"}
        for logger in loggers:
            logger.write(epoch, metrics)
        if member.watch is not None:
            member.watch(fields)

    train, valid = member.loaders(rank=fabric.global_rank, world=fabric.world_size)
    trainer = Trainer(
        network, task, section, fabric=fabric, seed=member.seed, folder=member.folder, log=log, train=train, valid=valid,
        draws_by_item=member.modality.draws_by_item, metric=member.metric(task, fabric.device),
    )  # fmt: skip
    done = trainer.saved_epoch()
    if first:  # lines after the saved state would come twice
        lines = run.metrics()
        kept = [line for line in lines if {name: line[name] for name in whose} != whose or line["epoch"] <= done]
        if kept != lines:
            run.rewrite_metrics(kept)
    recipe = member.recipe
    name = recipe.name if section.ensemble == 1 else f"{recipe.name} {member.number + 1}/{section.ensemble}"
    items = member.modality.epoch_items(member.train_rows, recipe, member.modality.open(member.store))
    total = round(items * trainer.total_steps / trainer.steps_per_epoch)
    logged = Logged(run.folder, member.part, member.number, recipe.to_json(), done)
    with (
        disk_full_explained(run.folder, "the last saved state is kept"),
        open_loggers(names_of(section) if first else (), logged) as loggers,
        progress(total, f"training {name}", member.modality.unit, show=member.show_progress and first) as bar,
    ):
        trainer.run(bar)

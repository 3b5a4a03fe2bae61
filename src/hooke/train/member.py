"""One network of a molecule run: built, trained on this or several devices, and loaded with its best weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from hooke.core.errors import DataError
from hooke.core.files import disk_full_explained
from hooke.core.progress import progress
from hooke.core.runs import RunFolder
from hooke.inference.network import build_network, build_task
from hooke.inference.weights import load_weights, read_weights
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.statistics import LabelStatistics
from hooke.molecules.store import MoleculeStore
from hooke.train.devices import launch, make_fabric
from hooke.train.events import event_file
from hooke.train.loader import RowLoader
from hooke.train.loop import Trainer
from hooke.train.recipe import Recipe

Watch = Callable[[Mapping[str, Any]], None]
_VALIDATION_BATCH = 256  # at least so many molecules: no gradient needs memory


@dataclass(frozen=True)
class Member:
    """Everything that a process needs to train one network of a run; it can be sent to another process.

    Attributes:
        run: The run.
        recipe: How to train.
        store: Folder of the prepared molecules.
        statistics: Of their labels over the training rows.
        train_rows, valid_rows: Which molecules to learn from and to choose the best epoch by.
        number: Which member of the ensemble.
        part: "members", or "refit" for the training on all rows.
        pretrained: A run whose encoder weights are the start.
        show_progress: Show a progress bar.
        watch: Called with the metrics of every epoch; what it raises ends the training.
    """

    run: RunFolder
    recipe: Recipe
    store: Path
    statistics: dict[str, LabelStatistics]
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


def trained(member: Member) -> torch.nn.Module:
    """The network with the weights of its best epoch; trained first, unless that was done before a kill."""
    if not (member.folder / "last.safetensors").exists():
        launch(make_fabric(member.recipe.train), _train, member)
    network, _ = _network(member, MoleculeStore.open(member.store))
    load_weights(network, member.folder / "best.safetensors")
    return network


def molecule_loader(
    store: MoleculeStore, rows: np.ndarray, batch_size: int, **options: Any
) -> RowLoader[MoleculeBatch]:
    """Batches of molecules; in training (`seed` is a number) molecules with similarly many atoms share a batch.

    Args:
        store: Where the molecules are.
        rows: Which of them.
        batch_size: Most molecules a batch.
        options: Those of `RowLoader`.
    """
    sizes = None if options.get("seed") is None else store.store.axis_counts("atom", rows)
    return RowLoader(lambda chosen: collate(store.read(chosen)), rows, batch_size, sizes=sizes, **options)


def load_encoder(network: Any, pretrained: Path, member: int = 0) -> None:
    """Put a pretrained run's best encoder weights into a network.

    Raises:
        DataError: The encoders differ.
    """
    run = RunFolder.open(pretrained)
    members = sorted(run.path("members").glob("*/best.safetensors"))
    if not members:
        raise DataError(f"{pretrained} holds no trained weights")
    weights = read_weights(members[member % len(members)])
    encoder = {name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")}
    try:
        network.encoder.load_state_dict(encoder)
    except RuntimeError as error:
        raise DataError(f"the encoder of {pretrained} does not fit this recipe's model: {error}") from error


def _network(member: Member, store: MoleculeStore) -> tuple[torch.nn.Module, Any]:
    recipe = member.recipe
    task = build_task(recipe.task.name, recipe.task.config, store.labels, member.statistics)
    torch.manual_seed(member.seed)
    return build_network(recipe.model.name, recipe.model.config, recipe.encodings, task), task


def _train(fabric: Fabric, member: Member) -> None:
    """The job of each process."""
    section, run, first = member.recipe.train, member.run, fabric.is_global_zero
    store = MoleculeStore.open(member.store)
    network, task = _network(member, store)
    if member.pretrained is not None:
        load_encoder(network, member.pretrained, member.number)
    share = {"rank": fabric.global_rank, "world": fabric.world_size}
    whose = {"part": member.part, "member": member.number}

    def log(**fields: Any) -> None:
        run.log_metrics(**whose, **fields)
        if events is not None:
            events.write(**fields)
        if member.watch is not None:
            member.watch(fields)

    trainer = Trainer(
        network, task, section, fabric=fabric, seed=member.seed, folder=member.folder, log=log,
        train=molecule_loader(store, member.train_rows, section.batch_size, seed=member.seed, **share),
        valid=molecule_loader(store, member.valid_rows, max(_VALIDATION_BATCH, section.batch_size), seed=None, **share),
    )  # fmt: skip
    done = trainer.saved_epoch()
    if first:  # lines after the saved state would come twice
        lines = run.metrics()
        kept = [line for line in lines if {name: line[name] for name in whose} != whose or line["epoch"] <= done]
        if kept != lines:
            run.rewrite_metrics(kept)
    recipe = member.recipe
    name = recipe.name if section.ensemble == 1 else f"{recipe.name} {member.number + 1}/{section.ensemble}"
    total = round(len(member.train_rows) * trainer.total_steps / trainer.steps_per_epoch)
    folder = run.path(f"tensorboard/{member.part}-{member.number}")
    with (
        disk_full_explained(run.folder, "the last saved state is kept"),
        event_file(folder, after=done) if section.tensorboard and first else nullcontext() as events,
        progress(total, f"training {name}", "molecules", show=member.show_progress and first) as bar,
    ):
        trainer.run(bar)

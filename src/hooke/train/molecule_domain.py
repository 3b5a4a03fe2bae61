"""Training on molecules: preparing, splitting, members, and what a finished run is worth; see `train.domains`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.paths import cache_folder
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.evaluate.splits import Split
from hooke.inference.ensemble import Ensemble
from hooke.inference.network import build_task, predicts_labels
from hooke.molecules.statistics import label_statistics
from hooke.molecules.store import MoleculeStore
from hooke.train import measure as measuring
from hooke.train.devices import single_device
from hooke.train.member import Member, Watch
from hooke.train.molecule_member import MoleculeMember
from hooke.train.split import split_store


def prepare(recipe: Recipe, *, workers: int | None, show_progress: bool) -> MoleculeStore:
    """See `Domain.prepare`."""
    dataset = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config)
    return dataset.prepare(
        cache_folder() / "stores", encodings=recipe.encodings.computed, standardise=recipe.standardise, workers=workers,
        show_progress=show_progress,
    )  # fmt: skip


def open_store(folder: Path) -> MoleculeStore:
    """See `Domain.open_store`."""
    return MoleculeStore.open(folder)


def check(store: MoleculeStore, recipe: Recipe) -> None:
    """There must be a label, unless the task learns without."""
    if not store.labels and predicts_labels(recipe.task.name, recipe.task.config):
        raise UsageError(f"{store.folder.name} carries no label: name one with --targets, or check the table")


def split(store: MoleculeStore, recipe: Recipe) -> Split:
    """Without molecules that carry no label at all, where labels are learnt: those neither teach nor measure anything."""
    found = split_store(store, recipe.split)
    if predicts_labels(recipe.task.name, recipe.task.config) and not any(
        label.level != "graph" for label in store.labels
    ):
        counts = store.store.axis_counts("label")
        found = Split(*(part[counts[part] > 0] for part in (found.train, found.valid, found.test)))
    if not len(found.train):
        raise UsageError("no training row has a label; check data.split and the label columns")
    return found


def members(
    run: RunFolder,
    recipe: Recipe,
    store: MoleculeStore,
    split: Split,
    *,
    pretrained: Path | None,
    show_progress: bool,
    watch: Watch | None = None,
) -> list[Member]:
    """See `Domain.members`."""
    statistics = label_statistics(store, split.train, share=recipe.split.label_share, seed=recipe.seed)
    run.write_json("labels.json", [label.to_json() for label in store.labels])
    run.write_json(
        "statistics.json",
        {level: {name: getattr(found, name).tolist() for name in found._fields} for level, found in statistics.items()},
    )
    return [
        MoleculeMember(
            run, recipe, store.folder, split.train, split.valid, number, pretrained=pretrained,
            show_progress=show_progress, watch=watch, statistics=statistics,
        )
        for number in range(recipe.train.ensemble)
    ]  # fmt: skip


def measure(
    run: RunFolder, recipe: Recipe, store: MoleculeStore, split: Split, networks: list[nn.Module]
) -> dict[str, Any]:
    """See `Domain.measure`."""
    statistics = label_statistics(store, split.train)
    task = build_task(recipe.task.name, recipe.task.config, store.labels, statistics)
    ensemble = Ensemble(networks, task, single_device(recipe.train))
    measuring.measure(run, store, split, ensemble)
    return {"device": str(ensemble.device), "labels": len(store.labels)}


def adapted(recipe: Recipe, pretrained: Recipe, run: RunFolder) -> Recipe:
    """See `Domain.adapted`."""
    labels = [Label.from_json(entry) for entry in run.read_json("labels.json")]
    task = build_task(pretrained.task.name, pretrained.task.config, labels, None)
    encodings = task.inputs(replace(task.spec, encodings=pretrained.encodings)).encodings
    return replace(recipe, model=pretrained.model, encodings=encodings, standardise=pretrained.standardise)

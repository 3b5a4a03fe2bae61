"""Training on images: preparing, splitting, members, and what a finished run is worth; see `train.domains`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.paths import cache_folder
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.evaluate.splits import Split
from hooke.images.measured import measured_fields
from hooke.images.store import ImageStore
from hooke.images.targets import class_codes, learns_features
from hooke.inference.image_network import SPEC, image_spec
from hooke.train.devices import single_device
from hooke.train.image_measure import measure_images
from hooke.train.image_member import ImageMember
from hooke.train.image_split import split_images
from hooke.train.member import Member, Watch


def prepare(recipe: Recipe, *, workers: int | None, show_progress: bool) -> ImageStore:
    """See `Domain.prepare`."""
    dataset = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config)
    return dataset.prepare(cache_folder() / "stores", workers=workers, show_progress=show_progress)


def open_store(folder: Path) -> ImageStore:
    """See `Domain.open_store`."""
    return ImageStore.open(folder)


def check(store: ImageStore, recipe: Recipe) -> None:
    """The channels and the classes that the recipe names must be there, and classes be two or more."""
    image_spec(store, recipe)


def split(store: ImageStore, recipe: Recipe) -> Split:
    """Without fields of unknown class, where classes are learnt."""
    found = split_images(store, recipe.split)
    label = image_spec(store, recipe).classes
    if label is not None:
        known = class_codes(store, label) >= 0
        found = Split(*(part[known[part]] for part in (found.train, found.valid, found.test)))
    if not len(found.train):
        raise UsageError("no field is left to train on; check data.split")
    return found


def members(
    run: RunFolder,
    recipe: Recipe,
    store: ImageStore,
    split: Split,
    *,
    pretrained: Path | None,
    show_progress: bool,
    watch: Watch | None = None,
) -> list[Member]:
    """See `Domain.members`."""
    spec = image_spec(store, recipe)
    run.write_json(SPEC, spec.to_json())
    if learns_features(spec):  # once, before there are several processes
        measured_fields(store, recipe.task.config.measured_fields, show_progress=show_progress)
    return [
        ImageMember(
            run, recipe, store.folder, split.train, split.valid, number, pretrained=pretrained,
            show_progress=show_progress, watch=watch, spec=spec,
        )
        for number in range(recipe.train.ensemble)
    ]  # fmt: skip


def measure(
    run: RunFolder, recipe: Recipe, store: ImageStore, split: Split, networks: list[nn.Module]
) -> dict[str, Any]:
    """See `Domain.measure`; of the first member."""
    spec = image_spec(store, recipe)
    device = single_device(recipe.train)
    _, task = ImageMember(run, recipe, store.folder, split.train, split.valid, 0, spec=spec).network()
    measure_images(run, recipe, store, split, networks[0].to(device), task, spec)
    return {
        "device": str(device), "channels": list(spec.channels), "classes": spec.classes.classes if spec.classes else 0,
        "simulated": store.simulated, "wells": _wells(store),
    }  # fmt: skip


def adapted(recipe: Recipe, pretrained: Recipe, run: RunFolder) -> Recipe:
    """See `Domain.adapted`."""
    return replace(recipe, model=pretrained.model)


def _wells(store: ImageStore) -> int:
    return int(np.unique(store.metadata.select("experiment", "plate", "well").hash_rows().to_numpy()).size)

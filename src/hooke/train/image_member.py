"""One network of an image run: its task with the classes of the data, and its batches of crops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from hooke.core.recipe import Recipe
from hooke.images.loader import ImageLoader
from hooke.images.measured import measured_targets
from hooke.images.store import ImageStore
from hooke.inference.image_network import MEASURED, ImageSetup, build_image_network
from hooke.nn.transformer import Transformer
from hooke.tasks.measured_features import FEATURES
from hooke.train.member import Member

_DECODER = "decoder."


@dataclass(frozen=True)
class ImageMember(Member):
    """See `Member`.

    Attributes:
        setup: Channels, batches and classes of the data.
    """

    unit: ClassVar[str] = "crops"

    setup: ImageSetup = field(default_factory=lambda: ImageSetup(()))

    @property
    def items(self) -> int:
        """Crops of an epoch."""
        return len(self.train_rows) * self.recipe.images.crops_per_field

    def network(self) -> tuple[torch.nn.Module, Any]:
        """See `Member.network`."""
        recipe = self.recipe
        torch.manual_seed(self.seed)
        network, task = build_image_network(
            recipe.task.name, recipe.task.config, recipe.model.name, recipe.model.config, self.setup
        )
        for part in network.modules():
            if isinstance(part, Transformer):
                part.checkpointing = recipe.images.recompute
        return network, task

    def loaders(self, *, rank: int, world: int) -> tuple[ImageLoader, ImageLoader]:
        """See `Member.loaders`."""
        store = ImageStore.open(self.store)
        return (
            image_loader(store, self.train_rows, self.recipe, self.setup, seed=self.seed, rank=rank, world=world),
            image_loader(store, self.valid_rows, self.recipe, self.setup, seed=None, rank=rank, world=world),
        )

    def start_from(self, network: Any, weights: dict[str, torch.Tensor]) -> None:
        """The pretrained encoder; a decoder is taken over where it was made for the same channels, else it starts anew."""
        fresh = network.encoder.state_dict()
        same = all(name in weights and weights[name].shape == value.shape for name, value in fresh.items())
        if not same:
            weights = {name: value for name, value in weights.items() if not name.startswith(_DECODER)}
            weights |= {name: value for name, value in fresh.items() if name.startswith(_DECODER)}
        network.encoder.load_state_dict(weights)


def image_loader(
    store: ImageStore,
    rows: np.ndarray,
    recipe: Recipe,
    setup: ImageSetup,
    *,
    seed: int | None,
    rank: int = 0,
    world: int = 1,
) -> ImageLoader:
    """Batches of crops of some fields; in evaluation (`seed` None) one crop from the middle of each.

    Args:
        store: Where the images are.
        rows: Which fields.
        recipe: Its sections `images` and `train`.
        setup: Channels and classes.
        seed: Of order and crops.
        rank, world: Which process of how many.
    """
    section = recipe.images
    targets = {setup.target: class_codes(store, setup)} if setup.target else {}
    if setup.features:
        targets[FEATURES] = measured_targets(store, getattr(recipe.task.config, MEASURED), show_progress=False)
    return ImageLoader(
        store, rows, recipe.train.batch_size, seed=seed, crop=section.crop or None,
        crops_per_field=1 if seed is None else section.crops_per_field, single_batch=section.single_batch,
        channels=setup.channels, targets=targets, rank=rank, world=world, workers=section.workers,
    )  # fmt: skip


def class_codes(store: ImageStore, setup: ImageSetup) -> np.ndarray:
    """(fields,) int64: the class of each field as the head counts them, -1 for names that it does not know."""
    codes, names = store.classes(setup.target)
    places = {name: place for place, name in enumerate(setup.classes)}
    order = np.array([places.get(name, -1) for name in names] + [-1], np.int64)
    return order[codes]

"""One network of an image run: its task with the classes of the data, and its batches of crops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from hooke.core.recipe import Recipe
from hooke.images.loader import ImageLoader
from hooke.images.spec import ImageSpec
from hooke.images.store import ImageStore
from hooke.images.targets import learns_features, target_values
from hooke.inference.image_network import build_image_network
from hooke.nn.transformer import Transformer
from hooke.train.member import Member

_DECODER = "decoder."


@dataclass(frozen=True)
class ImageMember(Member):
    """See `Member`.

    Attributes:
        spec: Channels, batches and labels of the data.
    """

    unit: ClassVar[str] = "crops"

    spec: ImageSpec = field(default_factory=lambda: ImageSpec(()))

    @property
    def items(self) -> int:
        """Crops of an epoch."""
        return len(self.train_rows) * self.recipe.images.crops_per_field

    def network(self) -> tuple[torch.nn.Module, Any]:
        """See `Member.network`."""
        recipe = self.recipe
        torch.manual_seed(self.seed)
        network, task = build_image_network(
            recipe.task.name, recipe.task.config, recipe.model.name, recipe.model.config, self.spec
        )
        for part in network.modules():
            if isinstance(part, Transformer):
                part.checkpointing = recipe.images.recompute
        return network, task

    def loaders(self, *, rank: int, world: int) -> tuple[ImageLoader, ImageLoader]:
        """See `Member.loaders`."""
        store = ImageStore.open(self.store)
        return (
            image_loader(store, self.train_rows, self.recipe, self.spec, seed=self.seed, rank=rank, world=world),
            image_loader(store, self.valid_rows, self.recipe, self.spec, seed=None, rank=rank, world=world),
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
    spec: ImageSpec,
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
        spec: Channels and labels.
        seed: Of order and crops.
        rank, world: Which process of how many.
    """
    section = recipe.images
    measured = recipe.task.config.measured_fields if learns_features(spec) else 0
    targets = target_values(store, spec, measured_fields=measured)
    return ImageLoader(
        store, rows, recipe.train.batch_size, seed=seed, crop=section.crop or None,
        crops_per_field=1 if seed is None else section.crops_per_field, single_batch=section.single_batch,
        channels=spec.channels, targets=targets, rank=rank, world=world, workers=section.workers,
    )  # fmt: skip

"""Augmentation inside the network: run the first stages once, fork into turned, flipped and shifted copies, run the rest, average.

    y = mean over branches b of  suffix(T_b prefix(x))

At stage 0 the copies are of the image, and this is test-time augmentation. Later forks share more of the work; the cost is
prefix + branches × suffix instead of branches × (prefix + suffix). Turning feature maps is not turning the image, unless the
filters are symmetric: `bench/augmentation_frontier.py` measures what each stage costs and gains.

In a transformer the content of the patches changes places while the positions stay: T(h - p) + p. A shift drops the first rows
and columns of the grid and repeats the last ones; before a layer of stride 2 the four shifts by 0 or 1 keep every phase of it.

Source: Sypetkowski, Jasiulewicz and Wojna 2020 (arXiv 2012.10769), from its abstract alone: details are ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.flops import count_flops
from hooke.nn.images.channels import in_order, standardise
from hooke.nn.images.dihedral import ALL, FLIPS, REFLECTION, turn
from hooke.nn.images.encoder import PatchTokenEncoder
from hooke.nn.images.feature_maps import FeatureMapEncoder
from hooke.nn.images.output import ImageOutput
from hooke.nn.images.patches import channel_patches, patch_grid, patchify
from hooke.nn.images.positions import sine_positions


@dataclass(frozen=True)
class Branch:
    """One copy: first turned by an element of D4, then shifted by places (down, across) of the stage's own grid."""

    turn: int = 0
    shift: tuple[int, int] = (0, 0)


BRANCHES: dict[str, tuple[Branch, ...]] = {
    "none": (Branch(),),
    "flip": (Branch(), Branch(REFLECTION)),
    "flips": tuple(Branch(element) for element in FLIPS),
    "dihedral": tuple(Branch(element) for element in ALL),
    "shifts": tuple(Branch(0, (down, across)) for down, across in itertools.product((0, 1), repeat=2)),
}


def moved(maps: Float[Tensor, "images maps down across"], branch: Branch) -> Float[Tensor, "images maps height width"]:
    """Images or feature maps of one branch.

    Raises:
        UsageError: The shift is larger than the maps.
    """
    maps = turn(maps, branch.turn)
    down, across = branch.shift
    height, width = maps.shape[2:]
    if not (0 <= down < height and 0 <= across < width):
        raise UsageError(f"a shift by {branch.shift} does not fit maps of {height} x {width}")
    if not (down or across):
        return maps
    return functional.pad(maps[:, :, down:, across:], (0, across, 0, down), mode="replicate")


@runtime_checkable
class Stages(Protocol):
    """An encoder cut into stages."""

    @property
    def count(self) -> int:
        """Number of stages."""

    def start(self, batch: ImageBatch) -> Tensor:
        """The state before stage 0: standardised images."""

    def run(self, state: Tensor, first: int, last: int) -> Tensor:
        """The state after stages first ... last - 1."""

    def move(self, state: Tensor, stage: int, branch: Branch) -> Tensor:
        """The state before a stage, turned and shifted."""

    def finish(self, state: Tensor) -> ImageOutput:
        """What the encoder says of the last state."""


class MapStages:
    """Stages of a `FeatureMapEncoder`: its own."""

    def __init__(self, encoder: FeatureMapEncoder) -> None:
        self.encoder = encoder

    @property
    def count(self) -> int:
        """Number of stages."""
        return self.encoder.blocks

    def start(self, batch: ImageBatch) -> Tensor:
        """Standardised images."""
        return self.encoder.images(batch)

    def run(self, state: Tensor, first: int, last: int) -> Tensor:
        """Feature maps after some stages."""
        return self.encoder.maps(state, first=first, last=last)

    def move(self, state: Tensor, stage: int, branch: Branch) -> Tensor:
        """Feature maps turned and shifted."""
        return moved(state, branch)

    def finish(self, state: Tensor) -> ImageOutput:
        """Mean over places."""
        return self.encoder.output(state)


class PatchStages:
    """Stages of a `PatchTokenEncoder`: stage 0 embeds the patches, stage i is block i."""

    def __init__(self, model: PatchTokenEncoder) -> None:
        self.model, self.encoder = model, model.encoder
        self.grid = (0, 0)

    @property
    def count(self) -> int:
        """Embedding and blocks."""
        return self.encoder.depth + 1

    def start(self, batch: ImageBatch) -> Tensor:
        """Standardised images; the grid of the patches is taken from them."""
        pixels = batch.pixels if self.model.agnostic else in_order(batch, self.model.channels)
        return standardise(pixels, self.encoder.dtype)

    def run(self, state: Tensor, first: int, last: int) -> Tensor:
        """Tokens after some stages."""
        if first == last:
            return state
        if first == 0:
            self.grid = patch_grid(state.shape[2:], self.model.patch)
            cut = channel_patches if self.model.agnostic else patchify
            state = self.encoder.tokens(cut(state, self.model.patch), self.grid)
        return self.encoder.transformer(state, first=max(0, first - 1), last=last - 1)

    def move(self, state: Tensor, stage: int, branch: Branch) -> Tensor:
        """Images, or the content of the patches, turned and shifted."""
        if stage == 0:
            return moved(state, branch)
        if branch == Branch():
            return state
        if branch.turn % 2 and self.grid[0] != self.grid[1]:
            raise UsageError(f"a quarter turn inside a transformer needs a square grid of patches, got {self.grid}")
        learned, width = self.encoder.learned, state.shape[2]
        places = sine_positions(self.grid, width, device=state.device, dtype=state.dtype)
        if stage == self.count:
            places = torch.zeros_like(places)  # after the last block nothing asks where a patch is
        patches = state[:, learned:].unflatten(1, (-1, len(places)))
        content = (patches - places).unflatten(2, self.grid).permute(0, 1, 4, 2, 3)
        turned = moved(content.flatten(1, 2), branch).view(content.shape)
        back = turned.permute(0, 1, 3, 4, 2).flatten(2, 3) + places
        return torch.cat([state[:, :learned], back.flatten(1, 2)], dim=1)

    def finish(self, state: Tensor) -> ImageOutput:
        """Last norm and pooling."""
        tokens = self.encoder.final_norm(state) if self.encoder.norm_place == "tokens" else state
        return ImageOutput(self.encoder.pool(tokens), tokens, self.grid, self.encoder.learned)


def stages_of(encoder: nn.Module) -> Stages:
    """The stages of a registered image encoder.

    Raises:
        UsageError: It has none.
    """
    if isinstance(encoder, FeatureMapEncoder):
        return MapStages(encoder)
    if isinstance(encoder, PatchTokenEncoder):
        return PatchStages(encoder)
    raise UsageError(
        f"{type(encoder).__module__} has neither stages of feature maps nor a transformer over patches to fork"
    )


def fork(
    encoder: nn.Module, batch: ImageBatch, branches: Sequence[Branch], stage: int
) -> Float[Tensor, "branches images width"]:
    """The embedding of each branch.

    Args:
        encoder: A registered image encoder.
        batch: Images; square where a quarter turn is among the branches.
        branches: Copies.
        stage: Where to fork: 0 before everything, up to the number of stages, after which only pooling is left.

    Raises:
        UsageError: No such stage, no branch, or a turn that does not fit.
    """
    stages = stages_of(encoder)
    if not 0 <= stage <= stages.count or not branches:
        raise UsageError(
            f"fork at a stage from 0 to {stages.count}, into one or more branches; got {stage}, {len(branches)}"
        )
    state = stages.run(stages.start(batch), 0, stage)
    copies = [stages.move(state, stage, branch) for branch in branches]
    if len({copy.shape for copy in copies}) > 1:
        raise UsageError("quarter turns need square images; use the branches 'flips', or crop")
    rows = stages.finish(stages.run(torch.cat(copies), stage, stages.count)).embedding
    return rows.unflatten(0, (len(branches), -1))


def stage_flops(encoder: nn.Module, batch: ImageBatch) -> list[int]:
    """FLOPs of each stage of an encoder on the meta device, in order."""
    stages = stages_of(encoder)
    state, counts = stages.start(batch), []
    for stage in range(stages.count):
        after: list[Any] = []

        def run(before: Any = state, number: int = stage, found: list[Any] = after) -> None:
            found.append(stages.run(before, number, number + 1))

        counts.append(count_flops(run))
        [state] = after
    return counts


def fork_flops(counts: list[int], branches: int, stage: int) -> int:
    """FLOPs of a fork: prefix + branches × suffix."""
    return sum(counts[:stage]) + branches * sum(counts[stage:])

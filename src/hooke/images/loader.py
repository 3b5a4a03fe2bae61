"""Batches of fields or crops for training and evaluation: the order and the crops follow from seed and epoch alone.

Crops are drawn on the fly and only the tiles that they touch are decoded. Batches are read ahead, by a thread, or by worker
processes where decoding is the bottleneck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.parallel import ordered_map, read_ahead
from hooke.images.batch import ImageBatch, image_batch
from hooke.images.crops import CropBatch, read_batch, read_crops
from hooke.images.field_array import FieldArray
from hooke.images.store import ImageStore
from hooke.images.tiles import Grid, centre_corners, random_corners


class ImageLoader:
    """Batches of given fields of a store.

    Args:
        store: Where the fields are.
        rows: Which of them.
        batch_size: Crops a batch.
        seed: Of order, crops and turns; None keeps the order of `rows` and takes crops from the middle (evaluation).
        crop: Side of the crops in pixels; None takes whole fields, which must then have one size.
        crops_per_field: Random crops of each field in an epoch; they may lie in different batches.
        turn: Whether crops are flipped and turned by quarters at random; needs a seed and square crops.
        single_batch: Whether each batch of crops comes from one experimental batch, as statistics per batch (AdaBN) need.
        channels: Which channels in which order; None takes all.
        targets: (fields of the store, labels) float32 for every field of the store, as in `ImageBatch`; None where nothing is known.
        rank, world: This process takes every world-th batch, starting with rank.
        workers: Processes that read; 0 reads in a thread.
        prefetch: Batches read ahead.
    """

    def __init__(
        self,
        store: ImageStore | FieldArray,
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int | None,
        crop: int | None = None,
        crops_per_field: int = 1,
        turn: bool = False,
        single_batch: bool = False,
        channels: Sequence[str] | None = None,
        targets: np.ndarray | None = None,
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
        prefetch: int = 2,
    ) -> None:
        if turn and seed is None:
            raise UsageError("crops are turned at random, which needs a seed")
        if targets is not None and len(targets) != len(store):
            raise UsageError(f"the targets have {len(targets)} rows, the store {len(store)}")
        self.store, self._rows, self._batch_size, self._seed = store, np.asarray(rows, np.int64), batch_size, seed
        self._crop, self._per_field, self._turn, self._single = crop, crops_per_field, turn, single_batch
        self.channels = store.channels if channels is None else tuple(channels)
        store.channel_numbers(self.channels)
        self._targets = targets
        self._batch_index, self._control = store.batch_index, store.control
        self._rank, self._world, self._workers, self._prefetch = rank, world, workers, prefetch
        sizes = store.sizes[self._rows]
        whole = (int(sizes[0, 0]), int(sizes[0, 1])) if len(sizes) else (0, 0)
        if crop is None and (sizes != np.array(whole)).any():
            raise UsageError("fields of different sizes need crops of one size: --crop 128, or crop=128 in a recipe")
        self._size = whole if crop is None else (crop, crop)
        if turn and self._size[0] != self._size[1]:
            raise UsageError(f"crops of {self._size[0]} x {self._size[1]} are not square and cannot be turned")
        self._length = len(self.order(0))  # the same in every epoch

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        return self._length

    def order(self, epoch: int) -> list[CropBatch]:
        """What every batch of an epoch consists of, for this process."""
        rows = np.repeat(self._rows, self._per_field)
        generator = np.random.default_rng((0 if self._seed is None else self._seed, 9, epoch))
        sizes = self.store.sizes[rows]
        if self._seed is None:
            places = np.arange(len(rows))
            corners = np.zeros((len(rows), 2), np.int64) if self._crop is None else centre_corners(sizes, self._crop)
        else:
            places = generator.permutation(len(rows))
            corners = (
                np.zeros((len(rows), 2), np.int64)
                if self._crop is None
                else random_corners(sizes, self._crop, generator)
            )
        turns = generator.integers(0, 8, len(rows)) if self._turn else np.zeros(len(rows), np.int64)
        cut = self._cut(rows, places, generator)
        batches = [CropBatch(rows[part], corners[part], turns[part]) for part in cut]
        if self._world > 1 and self._seed is not None:  # every process must take equally many steps
            batches = batches[: len(batches) // self._world * self._world]
        return batches[self._rank :: self._world]

    def _cut(self, rows: np.ndarray, places: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
        groups = [places]
        if self._single:
            batch = self._batch_index[rows[places]]
            groups = [places[batch == number] for number in np.unique(batch)]
        cut = [
            group[start : start + self._batch_size]
            for group in groups
            for start in range(0, len(group), self._batch_size)
        ]
        if self._single and self._seed is not None:
            cut = [cut[place] for place in generator.permutation(len(cut))]
        return cut

    def epoch(self, number: int, start: int = 0) -> Iterator[ImageBatch]:
        """The batches of an epoch, from batch `start` on."""
        return self._read_all(self.order(number)[start:])

    def tiles(self, grid: Literal["cover"] | tuple[int, int] = "cover", start: int = 0) -> Iterator[ImageBatch]:
        """All crops of a grid over each field, field after field, for embedding; the crops of a field share its row.

        Args:
            grid: (rows, columns) of crops, or "cover" for as few as cover the field; see `tiles.Grid`.
            start: First batch.

        Raises:
            UsageError: The loader has no crop size.
        """
        return self._read_all(self._tile_batches(grid)[start:])

    def tile_batches(self, grid: Literal["cover"] | tuple[int, int] = "cover") -> int:
        """How many batches `tiles` gives this process."""
        return len(self._tile_batches(grid))

    def _tile_batches(self, grid: Literal["cover"] | tuple[int, int]) -> list[CropBatch]:
        corners = self._corners(grid)
        rows = np.repeat(self._rows, [len(each) for each in corners])
        places = np.concatenate(corners) if corners else np.zeros((0, 2), np.int64)
        cuts = [slice(first, first + self._batch_size) for first in range(0, len(rows), self._batch_size)]
        return [CropBatch(rows[cut], places[cut], np.zeros(0, int)) for cut in cuts[self._rank :: self._world]]

    def tile_counts(self, grid: Literal["cover"] | tuple[int, int] = "cover") -> np.ndarray:
        """(rows,) int64 how many crops `tiles` gives of each field."""
        return np.array([len(one) for one in self._corners(grid)], np.int64)

    def _corners(self, grid: Literal["cover"] | tuple[int, int]) -> list[np.ndarray]:
        """(crops, 2) top and left of the crops of each field."""
        if self._crop is None:
            raise UsageError("a grid of crops needs a crop size: set crop")
        down, across = (0, 0) if grid == "cover" else grid
        return [
            Grid(int(height), int(width), self._crop, down, across).corners
            for height, width in self.store.sizes[self._rows]
        ]

    def _read_all(self, batches: list[CropBatch]) -> Iterator[ImageBatch]:
        folder = str(self.store.folder)
        if self._workers > 1:
            jobs = [(folder, batch, self._size, self.channels) for batch in batches]
            pixels = ordered_map(read_batch, jobs, workers=self._workers, window=self._prefetch)
        else:
            pixels = read_ahead(
                lambda batch: read_crops(self.store, batch, self._size, self.channels), batches, self._prefetch
            )
        for batch, values in zip(batches, pixels, strict=True):
            yield image_batch(
                values,
                self.channels,
                batch.rows,
                None if self._targets is None else self._targets[batch.rows],
                self._batch_index[batch.rows],
                self._control[batch.rows],
            )

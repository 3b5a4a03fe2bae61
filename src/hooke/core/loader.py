"""Batches of rows: bucketed by size, in an order that depends on seed and epoch alone, read ahead by a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.parallel import read_ahead

Batch = TypeVar("Batch")
Read = Callable[[np.ndarray], Batch]
_BUCKET_BATCHES = 32


class RowLoader(Generic[Batch]):
    """Batches of given rows, whatever stands in a row.

    An epoch holds every row once. In training its batches have nearly equal lengths, so that no small left-over batch
    weighs as much as a whole one. `world` processes share the batches that one process of `world` times the batch size would
    take, in the same order: each gets every world-th row of each, so that all take equally many of similar size.

    Args:
        read: Makes a batch of rows; called in a thread of its own.
        rows: Which rows.
        batch_size: Most rows a batch of this process.
        seed: Of the order; None keeps the order of `rows` (evaluation).
        sizes: (rows,) how much work each row is; in training, rows of similar size then share a batch.
        rank, world: This process takes every world-th row of each batch, starting with rank; in evaluation, where processes may
            take unequally many batches, every world-th batch.
        prefetch: Batches read ahead.

    Raises:
        UsageError: Fewer rows to train on than processes.
    """

    def __init__(
        self,
        read: Read[Batch],
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int | None,
        sizes: np.ndarray | None = None,
        rank: int = 0,
        world: int = 1,
        prefetch: int = 2,
    ) -> None:
        self._read, self._rows, self._batch_size, self._seed = read, np.asarray(rows, np.int64), batch_size, seed
        self._sizes, self._rank, self._world, self._prefetch = sizes, rank, world, prefetch
        if seed is not None and len(self._rows) < world:
            raise UsageError(f"{len(self._rows)} rows to train on cannot be shared by {world} devices")

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        if self._seed is None:
            return len(range(self._rank, -(-len(self._rows) // self._batch_size), self._world))
        return min(-(-len(self._rows) // (self._batch_size * self._world)), len(self._rows) // self._world)

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of every batch of an epoch; batches of different sizes come in random order."""
        if self._seed is None:
            return _cut(self._rows, self._batch_size)[self._rank :: self._world]
        generator = np.random.default_rng((self._seed, epoch))
        places = generator.permutation(len(self._rows))
        if self._sizes is not None:
            buckets = _cut(places, self._batch_size * self._world * _BUCKET_BATCHES)
            by_size = [bucket[np.argsort(self._sizes[bucket], kind="stable")] for bucket in buckets]
            # up, down, up: a batch that spans two buckets holds similar sizes too
            places = np.concatenate([bucket[:: 1 - number % 2 * 2] for number, bucket in enumerate(by_size)])
        batches = np.array_split(self._rows[places], len(self))
        return [batches[place][self._rank :: self._world] for place in generator.permutation(len(batches))]

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from batch `start` on."""
        return read_ahead(self._read, self.order(number)[start:], self._prefetch)


def _cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]

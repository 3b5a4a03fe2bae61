"""Batches of rows: bucketed by size, in an order that depends on seed and epoch alone, read ahead by a thread or by processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar
from weakref import finalize

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.parallel import Workers, read_ahead

Batch = TypeVar("Batch")
Read = Callable[[Any], Batch]
_BUCKET_BATCHES = 32


class RowLoader(Generic[Batch]):
    """Batches of given rows, whatever stands in a row.

    An epoch holds every row once. In training its batches have nearly equal lengths, so that no small left-over batch
    weighs as much as a whole one. `world` processes share the batches that one process of `world` times the batch size would
    take, in the same order: each gets every world-th row of each, so that all take equally many of similar size.

    Args:
        read: Makes a batch of rows; called in a thread of its own, or in processes.
        rows: Which rows.
        batch_size: Most rows a batch of this process.
        seed: Of the order; None keeps the order of `rows` (evaluation).
        sizes: (rows,) how much work each row is; in training, rows of similar size then share a batch.
        rank, world: This process takes every world-th row of each batch, starting with rank; in evaluation, where processes may
            take unequally many batches, every world-th batch.
        prefetch: Batches read ahead.
        workers: Processes that make the batches, in the place of a thread, if more than one; `read` must then be picklable. The batches and
            their order are the same.

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
        workers: int = 0,
    ) -> None:
        self._workers = workers
        self._processes: Workers[Any, Batch] | None = None  # started by the first epoch, ended with this loader
        self._read, self._rows, self._batch_size, self._seed = read, np.asarray(rows, np.int64), batch_size, seed
        self._sizes, self._rank, self._world, self._prefetch = sizes, rank, world, prefetch
        if seed is not None and self.fewest < world:
            raise UsageError(f"{self.fewest} rows to train on cannot be shared by {world} devices")

    @property
    def most(self) -> int:
        """Rows of an epoch of training, at most."""
        return len(self._rows)

    @property
    def fewest(self) -> int:
        """Rows of an epoch of training, at least."""
        return len(self._rows)

    def places(self, epoch: int) -> np.ndarray:
        """Ascending places of the rows that an epoch of training takes."""
        return np.arange(len(self._rows))

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        if self._seed is None:
            return len(range(self._rank, -(-len(self._rows) // self._batch_size), self._world))
        return min(-(-self.most // (self._batch_size * self._world)), self.fewest // self._world)

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of every batch of an epoch; batches of different sizes come in random order."""
        if self._seed is None:
            return _cut(self._rows, self._batch_size)[self._rank :: self._world]
        generator = np.random.default_rng((self._seed, epoch))
        places = generator.permutation(self.places(epoch))
        if self._sizes is not None:
            buckets = _cut(places, self._batch_size * self._world * _BUCKET_BATCHES)
            by_size = [bucket[np.argsort(self._sizes[bucket], kind="stable")] for bucket in buckets]
            # up, down, up: a batch that spans two buckets holds similar sizes too
            places = np.concatenate([bucket[:: 1 - number % 2 * 2] for number, bucket in enumerate(by_size)])
        batches = np.array_split(self._rows[places], len(self))
        return [batches[place][self._rank :: self._world] for place in generator.permutation(len(batches))]

    def items(self, number: int, start: int = 0) -> Iterable[Any]:
        """What `read` is given for each batch of an epoch, from batch `start` on."""
        return self.order(number)[start:]

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from batch `start` on."""
        items = self.items(number, start)
        if self._workers < 2:
            return read_ahead(self._read, items, self._prefetch)
        if self._processes is None:
            self._processes = Workers(self._read, self._workers)
            finalize(self, self._processes.close)
        return self._processes.map(items, window=self._prefetch)


class BoundedLoader(RowLoader[Batch]):
    """Batches whose rows cost no more together than a bound, as far as a row alone does not.

    In training the rows fall into classes by how many of them fit into a batch (the batch size, or the largest power of two below it), so that
    an epoch has equally many batches each time, and each batch is drawn from one class; with several processes a batch may hold one row more,
    where rows cannot be divided evenly. In evaluation rows are cut in their order.

    Args:
        read, rows, batch_size, seed, rank, world, prefetch: See `RowLoader`.
        costs: (rows,) of each row, whole numbers of at least 1.
        most: Largest sum of costs of a batch of this process.
    """

    def __init__(
        self, read: Read[Batch], rows: np.ndarray, batch_size: int, *, seed: int | None, costs: np.ndarray, most: int, rank: int = 0,
        world: int = 1, prefetch: int = 2,
    ) -> None:  # fmt: skip
        super().__init__(read, rows, batch_size, seed=seed, rank=rank, world=world, prefetch=prefetch)
        self._classes: list[tuple[np.ndarray, int]] = []
        if seed is None:
            self._cuts = bounded_cuts(costs, batch_size, most)
        else:
            self._classes = _capacity_classes(costs, batch_size, most, world)

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        if self._seed is None:
            return len(range(self._rank, len(self._cuts), self._world))
        return sum(self._number(places, capacity) for places, capacity in self._classes)

    def _number(self, places: np.ndarray, capacity: int) -> int:
        return min(-(-len(places) // (capacity * self._world)), len(places) // self._world)

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of every batch of an epoch."""
        if self._seed is None:
            return [self._rows[part] for part in self._cuts[self._rank :: self._world]]
        generator = np.random.default_rng((self._seed, epoch))
        batches: list[np.ndarray] = []
        for places, capacity in self._classes:
            drawn = self._rows[places[generator.permutation(len(places))]]
            batches += np.array_split(drawn, self._number(places, capacity))
        return [batches[place][self._rank :: self._world] for place in generator.permutation(len(batches))]


def bounded_cuts(costs: np.ndarray, most_items: int, most: int) -> list[slice]:
    """Runs of items in their order, each with at most so many items and so large a sum of costs, but never empty."""
    cuts, start, total = [], 0, 0
    for place, cost in enumerate(np.asarray(costs).tolist()):
        if place > start and (place - start == most_items or total + cost > most):
            cuts.append(slice(start, place))
            start, total = place, 0
        total += cost
    return [*cuts, slice(start, len(costs))] if len(costs) else []


def _capacity_classes(costs: np.ndarray, batch_size: int, most: int, world: int) -> list[tuple[np.ndarray, int]]:
    """Places of rows of which equally many fit into a batch, and how many; each class has a row for every process."""
    fit = np.maximum(1, most // np.maximum(1, np.asarray(costs, np.int64)))
    capacities = np.where(fit >= batch_size, batch_size, 1 << np.floor(np.log2(fit)).astype(np.int64))
    classes: list[tuple[np.ndarray, int]] = []
    waiting = np.zeros(0, np.int64)
    for capacity in np.unique(capacities)[::-1].tolist():
        waiting = np.concatenate([waiting, np.flatnonzero(capacities == capacity)])
        if len(waiting) >= world:
            classes.append((np.sort(waiting), capacity))
            waiting = waiting[:0]
    if len(waiting):
        before, _ = classes.pop()
        classes.append((np.sort(np.concatenate([before, waiting])), int(capacities[waiting].min())))
    return classes


def _cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]

"""Batches from the store: bucketed by size, in an order that depends on seed and epoch alone, read ahead by a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.store import MoleculeStore

_BUCKET_BATCHES = 32
_END = object()


class MoleculeLoader:
    """Batches of given rows of a store.

    Args:
        store: Where the molecules are.
        rows: Which of them.
        batch_size: Molecules a batch.
        seed: Of the order; None keeps the order of `rows` (evaluation).
        rank, world: This process takes every world-th batch, starting with rank.
        prefetch: Batches read ahead.
    """

    def __init__(
        self,
        store: MoleculeStore,
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int | None,
        rank: int = 0,
        world: int = 1,
        prefetch: int = 2,
    ) -> None:
        self._store, self._rows, self._batch_size, self._seed = store, np.asarray(rows, np.int64), batch_size, seed
        self._rank, self._world, self._prefetch = rank, world, prefetch
        self._sizes = store.store.axis_counts("atom", self._rows) if seed is not None else None

    def __len__(self) -> int:
        """Batches an epoch of this process."""
        batches = -(-len(self._rows) // self._batch_size)
        return batches // self._world if self._world > 1 else batches

    def order(self, epoch: int) -> list[np.ndarray]:
        """The rows of every batch of an epoch: molecules of similar size share a batch, batches come in random order."""
        if self._seed is None or self._sizes is None:
            batches = _cut(self._rows, self._batch_size)
        else:
            generator = np.random.default_rng((self._seed, epoch))
            shuffled = generator.permutation(len(self._rows))
            buckets = _cut(shuffled, self._batch_size * _BUCKET_BATCHES)
            places = np.concatenate(
                [bucket[np.argsort(self._sizes[bucket], kind="stable")] for bucket in buckets] or [shuffled]
            )
            cut = _cut(self._rows[places], self._batch_size)
            batches = [cut[place] for place in generator.permutation(len(cut))]
        if self._world > 1:  # every process must take equally many steps
            batches = batches[: len(batches) // self._world * self._world]
        return batches[self._rank :: self._world]

    def epoch(self, number: int, *, start: int = 0) -> Iterator[MoleculeBatch]:
        """The batches of an epoch, from batch `start` on."""
        return read_ahead(self._store, self.order(number)[start:], self._prefetch)


def read_ahead(store: MoleculeStore, batches: Sequence[np.ndarray], depth: int) -> Iterator[MoleculeBatch]:
    """Read and collate batches in a thread, at most `depth` ahead; an error in the thread is raised here."""
    ready: queue.Queue[object] = queue.Queue(maxsize=max(1, depth))
    stop = threading.Event()

    def put(item: object) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for rows in batches:
                put(collate(store.read(rows)))
                if stop.is_set():
                    return
            put(_END)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()


def _cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]

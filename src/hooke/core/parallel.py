"""Ordered maps over processes or a thread: lazy, bounded, safe to interrupt, and clear about a worker that died."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from itertools import islice
from typing import Generic, TypeVar

from hooke.core.cluster import cluster_map, current
from hooke.core.errors import HookeError
from hooke.core.worker_pool import DeadWorkerError, WorkerPool

Item = TypeVar("Item")
Result = TypeVar("Result")
_END = object()


class WorkerDiedError(HookeError):
    """A worker process died (killed, out of memory) on the same item twice."""


def default_workers() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None, window: int = 4
) -> Iterator[Result]:
    """Apply a picklable function to items in worker processes; results come in the order of the items.

    At most `workers * window` items are in flight, so an endless input needs bounded memory. With 0 or 1 workers
    everything runs in this process. The function is sent to each worker once. The item of a worker that died is tried once more.
    Leaving the iterator early, by Ctrl-C too, ends the workers; so does the death of this process. Within `cluster.on_cluster`
    the workers are those of the cluster.

    Raises:
        WorkerDiedError: Two workers died on the same item.
        HookeError: No worker can be started.
    """
    if (cluster := current()) is not None and workers != 0:
        with closing(cluster_map(cluster, function, items, workers=workers, window=window)) as results:
            yield from results
        return
    workers = default_workers() if workers is None else workers
    if workers <= 1:
        yield from map(function, items)
        return
    with closing(Workers(function, workers)) as processes:
        yield from processes.map(items, window=window)


class Workers(Generic[Item, Result]):
    """Worker processes of one function that stay for several ordered maps; `close` ends them.

    Args:
        function: Picklable; sent to each worker once.
        workers: Processes, started as items come.
    """

    def __init__(self, function: Callable[[Item], Result], workers: int) -> None:
        self._workers = workers
        self._pool: WorkerPool[Item, Result] = WorkerPool(function, workers)

    def map(self, items: Iterable[Item], *, window: int = 4) -> Iterator[Result]:
        """Results in the order of the items, with at most `workers * window` items in flight.

        Raises:
            WorkerDiedError: Two workers died on the same item.
        """
        source = iter(items)
        pending: deque[tuple[Item, Future[bytes]]] = deque()
        number = 0
        while True:
            for item in islice(source, self._workers * window - len(pending)):
                pending.append((item, self._pool.submit(item)))
            if not pending:
                return
            number += 1
            item, job = pending.popleft()
            try:
                result = self._pool.result_of(job)
            except DeadWorkerError:
                result = _again(self._pool, item, number)
            yield result

    def close(self) -> None:
        """Kill all processes."""
        self._pool.end()


def _again(pool: WorkerPool[Item, Result], item: Item, number: int) -> Result:
    try:
        return pool.result_of(pool.submit(item, first=True))
    except DeadWorkerError as error:
        raise WorkerDiedError(
            f"a worker process died twice on item {number}: it was killed or ran out of memory; try fewer workers"
        ) from error


def read_ahead(function: Callable[[Item], Result], items: Iterable[Item], depth: int) -> Iterator[Result]:
    """Apply a function to items in a thread, at most `depth` results ahead; an error in the thread is raised here."""
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
            for item in items:
                put(function(item))
                if stop.is_set():
                    return
            put(_END)
        except BaseException as error:  # handed to the consumer
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

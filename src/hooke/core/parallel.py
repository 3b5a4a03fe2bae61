"""Ordered maps over processes or a thread: lazy, bounded, safe to interrupt, and clear about a worker that died."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing.connection import wait
from types import ModuleType
from typing import TypeVar

from hooke.core.cluster import cluster_map, current
from hooke.core.errors import HookeError

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
    everything runs in this process. When a worker dies, the first unfinished item is tried once more, alone, so that
    the one that kills its worker is known. Leaving the iterator early, by Ctrl-C too, ends the workers; so does the
    death of this process. Within `cluster.on_cluster` the workers are those of the cluster.

    Raises:
        WorkerDiedError: The worker died on the same item again.
    """
    if (cluster := current()) is not None and workers != 0:
        with closing(cluster_map(cluster, function, items, workers=workers, window=window)) as results:
            yield from results
        return
    workers = default_workers() if workers is None else workers
    if workers <= 1:
        yield from map(function, items)
        return
    source = iter(items)
    pending: deque[tuple[Item, Future[Result]]] = deque()
    pool = _pool(workers)
    number = 0
    try:
        while True:
            for item in islice(source, workers * window - len(pending)):
                pending.append((item, _submit(pool, function, item)))
            if not pending:
                return
            number += 1
            item, future = pending.popleft()
            try:
                result = future.result()
            except BrokenProcessPool:
                _end(pool)
                pool = _pool(workers)
                result = _alone(pool, function, item, number)
                pending = deque((other, _submit(pool, function, other)) for other, _ in pending)
            yield result
    finally:
        _end(pool)


def _submit(pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item) -> Future[Result]:
    """A future that fails, rather than this call, when the pool broke a moment ago."""
    try:
        with _main_hidden(function):
            return pool.submit(function, item)
    except BrokenProcessPool as error:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        return failed


def _alone(pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item, number: int) -> Result:
    try:
        return _submit(pool, function, item).result()
    except BrokenProcessPool as error:
        raise WorkerDiedError(
            f"a worker process died twice on item {number}: it was killed or ran out of memory; try fewer workers"
        ) from error


@contextmanager
def _main_hidden(function: Callable[..., object]) -> Iterator[None]:
    """Start workers without running the user's script again in them.

    Python imports `__main__` in each new worker, which breaks scripts without `if __name__ == "__main__":`, notebooks
    and programs read from stdin. Functions of a module do not need it. Processes are started inside `submit`.
    """
    if function.__module__ == "__main__":
        yield
        return
    real = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = real


def _pool(workers: int) -> ProcessPoolExecutor:
    # Not fork: the parent may hold threads (torch, numba), and a forked child could inherit a lock that is never freed.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("forkserver"), initializer=_start_worker)


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """In a worker: Ctrl-C is the parent's business, its death is ours, and one thread is enough.

    The processes are the parallelism; small linear algebra loses by more threads.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy  # noqa: F401 (its library must be loaded before it can be limited)
    import threadpoolctl  # type: ignore[import-untyped]

    threadpoolctl.threadpool_limits(1)


def _end_with(sentinel: int, end: Callable[[int], object] = os._exit) -> None:
    """Wait for the parent's end, then end too: a killed parent must not leave workers behind."""
    wait([sentinel])
    end(1)


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

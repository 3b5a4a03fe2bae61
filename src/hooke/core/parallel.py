"""Ordered maps over processes: lazy, bounded, safe to interrupt, and clear about a worker that died."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from hooke.core.errors import HookeError

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDiedError(HookeError):
    """A worker process died (killed, out of memory) on the same item twice."""


def default_workers() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None, window: int = 4
) -> Iterator[Result]:
    """Apply a picklable function to items in worker processes; results come in the order of the items.

    At most `workers * window` items are in flight, so an endless input needs bounded memory. With 0 or 1 workers everything
    runs in this process. A worker that dies is replaced and its items are tried once more. Leaving the iterator early,
    by Ctrl-C too, ends the workers.

    Raises:
        WorkerDiedError: Workers died twice in a row on one item.
    """
    workers = default_workers() if workers is None else workers
    if workers <= 1:
        yield from map(function, items)
        return
    source = iter(items)
    pending: deque[tuple[Item, Future[Result]]] = deque()
    pool = _pool(workers)
    died_on = -1
    number = 0
    try:
        while True:
            while len(pending) < workers * window:
                try:
                    item = next(source)
                except StopIteration:
                    break
                pending.append((item, pool.submit(function, item)))
            if not pending:
                return
            try:
                result = pending[0][1].result()
            except BrokenProcessPool as error:
                if died_on == number:
                    raise WorkerDiedError(
                        f"a worker process died twice on item {number}: it was killed, or ran out of memory"
                    ) from error
                died_on = number
                pool.shutdown(wait=False, cancel_futures=True)
                pool = _pool(workers)
                pending = deque((item, pool.submit(function, item)) for item, _ in pending)
                continue
            pending.popleft()
            number += 1
            yield result
    finally:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Not fork: the parent may hold threads (torch, numba), and a forked child could inherit a lock that is never released.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("forkserver"), initializer=_one_thread)


def _one_thread() -> None:
    """Each worker uses one thread: the processes are the parallelism, and small linear algebra loses by more."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy  # noqa: F401, ICN001 (its library must be loaded before it can be limited)
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)

"""Ordered maps over the workers of a Ray cluster (extra "cluster"): the same results as in one process.

Within `on_cluster` every `parallel.ordered_map` runs there. A worker that dies is started again and its items are repeated. Files
that a function reads or writes must lie where all machines see them.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any, TypeVar

from hooke.core.errors import HookeError, UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")
LOCAL = "local"
_RETRIES = 3  # of an item whose worker died
_STARTS = 3
_ENVIRONMENT = {  # unless the user set them: no statistics sent home, no remark about GPUs, patience and fair shares on a busy machine
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # items after one that failed
    "RAY_worker_niceness": "0",
}


@dataclass(frozen=True)
class Cluster:
    """Where work goes.

    Attributes:
        ray: The module.
        workers: How many at a time.
    """

    ray: Any
    workers: int


_CURRENT: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


def current() -> Cluster | None:
    """The cluster of this context, if there is one."""
    return _CURRENT.get()


@contextmanager
def on_cluster(address: str, workers: int | None = None) -> Iterator[Cluster]:
    """Connect to a Ray cluster; within the block, maps run there.

    Args:
        address: "local" starts Ray on this machine for the block; "auto" takes the cluster of this machine; else an address
            such as "10.0.0.1:6379" or "ray://10.0.0.1:10001".
        workers: Workers at a time; None takes all CPUs of the cluster.

    Raises:
        UsageError: Ray is not installed, or there is no cluster at this address.
        HookeError: Ray could not be started.
    """
    ray = _ray()
    options: dict[str, Any] = (
        {"include_dashboard": False, "num_cpus": workers} if address == LOCAL else {"address": address}
    )
    _connect(ray, address, options)
    try:
        cluster = Cluster(ray, workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
        token = _CURRENT.set(cluster)
        try:
            yield cluster
        finally:
            _CURRENT.reset(token)
    finally:
        ray.shutdown()


def cluster_or_here(address: str | None, workers: int | None) -> AbstractContextManager[Cluster | None]:
    """`on_cluster`, or nothing without an address."""
    return nullcontext() if address is None else on_cluster(address, workers)


def _connect(ray: Any, address: str, options: dict[str, Any]) -> None:
    """Connect, or start; Ray gives its own helpers 15 seconds to start, which a busy machine exceeds, so that is tried again."""
    for attempt in range(_STARTS if address == LOCAL else 1):
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **options)
            return
        except Exception as error:  # Ray raises plain exceptions
            ray.shutdown()
            failure, last = error, attempt
    if address == LOCAL:
        raise HookeError(f"Ray could not be started here, tried {last + 1} times: {failure}") from failure
    raise UsageError(
        f"there is no Ray cluster at {address!r}: {failure}; `--cluster local` starts one here"
    ) from failure


def _ray() -> ModuleType:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own remarks about its dependencies
            import ray
    except ImportError as error:
        raise UsageError("running on a cluster needs Ray: pip install 'hooke-bio[cluster]'") from error
    return ray


def cluster_map(
    cluster: Cluster,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    window: int = 4,
    gpus: float = 0,
) -> Generator[Result]:
    """Apply a picklable function to items in workers of a cluster; results come in the order of the items.

    Args:
        cluster: From `on_cluster`.
        function: Sent to each worker once, so that it may hold a network.
        items: At most `workers * window` are under way.
        workers: At most so many; None takes those of the cluster.
        window: Items under way for each worker.
        gpus: That a worker needs.

    Raises:
        HookeError: A worker died on the same item again and again.
    """
    ray = cluster.ray
    source = iter(items)
    count = min(cluster.workers, workers or cluster.workers)
    shared = ray.put(function)
    remote = ray.remote(max_restarts=-1, max_task_retries=_RETRIES, num_cpus=1, num_gpus=gpus)(_Worker)
    hands = [remote.remote([shared]) for _ in range(count)]
    pending: deque[tuple[int, Any]] = deque()
    given = 0
    try:
        while True:
            for item in islice(source, count * window - len(pending)):
                pending.append((given, hands[given % count].run.remote(item)))
                given += 1
            if not pending:
                return
            number, future = pending.popleft()
            try:
                result = ray.get(future)
            except ray.exceptions.RayActorError as error:
                raise HookeError(
                    f"workers of the cluster died on item {number + 1} {_RETRIES + 1} times: killed, or out of memory"
                ) from error
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, HookeError) else error from None
            yield result
    finally:
        for hand in hands:
            ray.kill(hand)


class _Worker:
    """In a worker process: applies the function to one item at a time, on one thread."""

    def __init__(self, shared: list[Any]) -> None:
        import threadpoolctl  # type: ignore[import-untyped]

        threadpoolctl.threadpool_limits(1)
        self.function: Callable[[Any], Any] = _ray().get(shared[0])

    def run(self, item: Any) -> Any:
        """One result."""
        return self.function(item)

"""Maps on a cluster: ordered, bounded, and clear about what fails; Ray itself is met by tests/inference/test_stream.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.core import cluster as module
from hooke.core.cluster import Cluster, cluster_map, cluster_or_here, current, on_cluster
from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.parallel import ordered_map


class ActorDied(Exception):
    pass


class TaskFailed(Exception):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class FakeRay:
    """What is used of Ray, in this process; a future is a call that was not made yet."""

    exceptions = SimpleNamespace(RayActorError=ActorDied, RayTaskError=TaskFailed)

    def __init__(self, failures: int = 0) -> None:
        self.killed: list[Any] = []
        self.options: dict[str, Any] = {}
        self.failures, self.stopped, self.started = failures, 0, 0

    def init(self, **options: Any) -> None:
        self.options = options
        if self.failures:
            self.failures -= 1
            raise ConnectionError("nobody answers")
        self.started += 1

    def shutdown(self) -> None:
        self.stopped += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 3.0}

    def put(self, value: Any) -> list[Any]:
        return [value]

    def get(self, future: Any) -> Any:
        if isinstance(future, list):
            return future[0]
        try:
            return future()
        except (ActorDied, TaskFailed):
            raise
        except Exception as error:
            raise TaskFailed(error) from error

    def remote(self, **options: Any) -> Callable[[type], Any]:
        self.options = options

        def made(shared: list[Any]) -> Any:
            worker = module._Worker(shared)
            run = SimpleNamespace(remote=lambda item: lambda: worker.run(item))
            return SimpleNamespace(run=run)

        return lambda cls: SimpleNamespace(remote=made)

    def kill(self, hand: Any) -> None:
        self.killed.append(hand)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setattr(module, "_ray", lambda: fake)
    return fake


def test_maps_run_on_the_cluster_in_order(ray: FakeRay) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with on_cluster("auto") as cluster:
        assert current() is cluster
        assert cluster.workers == 3
        results = ordered_map(str, items(), window=2)
        assert [next(results) for _ in range(4)] == ["0", "1", "2", "3"]
        assert len(taken) <= 4 + 6
        results.close()  # type: ignore[attr-defined]
        assert len(ray.killed) == 3
        assert list(ordered_map(str, range(5), workers=0)) == list("01234")
        assert len(ray.killed) == 3  # that ran here
    assert current() is None
    assert ray.stopped == 1
    assert list(cluster_map(Cluster(ray, 2), str, [], gpus=1)) == []
    assert ray.options["num_gpus"] == 1


def test_what_fails_is_said(ray: FakeRay) -> None:
    def bad(number: int) -> int:
        raise DataError("shard 7") if number == 1 else ActorDied

    def odd(number: int) -> int:
        raise KeyError(number)

    with pytest.raises(DataError, match="shard 7"):
        list(cluster_map(Cluster(ray, 1), bad, [1]))
    with pytest.raises(HookeError, match="died on item 1 4 times"):
        list(cluster_map(Cluster(ray, 1), bad, [0]))
    with pytest.raises(TaskFailed):
        list(cluster_map(Cluster(ray, 1), odd, [0]))


def test_starting(ray: FakeRay) -> None:
    ray.failures = 1
    with on_cluster("local", 2) as cluster:  # the second time it starts
        assert cluster.workers == 2
    ray.failures = 9
    with pytest.raises(HookeError, match="could not be started here, tried 3 times"), on_cluster("local"):
        pass
    with pytest.raises(UsageError, match="no Ray cluster at '10.0.0.1:6379'"), on_cluster("10.0.0.1:6379"):
        pass
    with cluster_or_here(None, 2):
        assert current() is None


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"hooke-bio\[cluster\]"), cluster_or_here("auto", None):
        pass

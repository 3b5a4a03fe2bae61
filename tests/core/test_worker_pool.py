"""Processes that die at any moment, functions that are large, and a machine without file descriptors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hooke.core import worker_pool
from hooke.core.parallel import WorkerDiedError, ordered_map
from hooke.core.worker_pool import DeadWorkerError, WorkerPool

FUNCTIONS = """
import os, signal
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

def die_while_answering(job):
    number, mark = job
    if number == 2 and not Path(mark).exists():
        Path(mark).touch()
        def send(self, data, write=os.write):
            os.write(self._handle, bytes(data[:1000]))
            os.kill(os.getpid(), signal.SIGKILL)
        Connection._send = send
    return number, bytes(1_000_000)

def always_die_while_answering(number):
    def send(self, data, write=os.write):
        os.write(self._handle, bytes(data[:1000]))
        os.kill(os.getpid(), signal.SIGKILL)
    Connection._send = send
    return bytes(1_000_000)

def pid(_):
    return os.getpid()

def descriptors(_):
    return len(os.listdir("/proc/self/fd"))

class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first + second)

def odd(_):
    raise Odd("lost ", "on the way")

class Panic(BaseException):
    pass

def panic(_):
    raise Panic("compiled code")

@dataclass
class Counted:
    loaded: str
    weights: list = field(default_factory=list)

    def __setstate__(self, state):
        self.__dict__.update(state)
        with open(self.loaded, "a") as file:
            file.write("x")

    def __call__(self, number):
        return number + len(self.weights)
"""

WITHOUT_DESCRIPTORS = """
import os, resource
from hooke.core.errors import HookeError
from hooke.core.parallel import ordered_map

if __name__ == "__main__":
    list(ordered_map(abs, range(2), workers=2))  # what is opened once is open
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    taken = []
    while True:
        try:
            taken.append(os.dup(0))
        except OSError:
            break
    for left in (0, 2, 2, 2):  # the pipe of the pool, that of a worker, its start
        for _ in range(left):
            os.close(taken.pop())
        try:
            list(ordered_map(abs, range(4), workers=2))
        except HookeError as error:
            print(str(error).split(":")[0], flush=True)
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    (tmp_path / "pool_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    import pool_functions  # type: ignore[import-not-found]

    yield pool_functions
    del sys.modules["pool_functions"]


def test_a_worker_killed_in_the_middle_of_an_answer_costs_nothing(functions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    jobs = [(number, str(tmp_path / "died")) for number in range(6)]
    assert [number for number, _ in ordered_map(functions.die_while_answering, jobs, workers=2)] == list(range(6))
    assert (tmp_path / "died").exists()


def test_workers_that_always_die_are_an_error_and_no_hang(functions) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WorkerDiedError, match="died twice on item 1"):
        list(ordered_map(functions.always_die_while_answering, range(6), workers=2))


def test_workers_killed_from_outside_are_replaced(functions) -> None:  # type: ignore[no-untyped-def]
    results = ordered_map(functions.pid, range(40), workers=2, window=1)
    seen = set()
    for number, pid in enumerate(results):
        seen.add(pid)
        if number % 10 == 0:
            os.kill(pid, signal.SIGKILL)
    assert len(seen) >= 5  # two to begin with, one for each that was killed while something was left to do


def test_the_function_is_sent_once_a_worker(functions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    loaded = tmp_path / "loaded"
    function = functions.Counted(str(loaded), list(range(100_000)))
    assert list(ordered_map(function, range(50), workers=2)) == [number + 100_000 for number in range(50)]
    assert 1 <= loaded.stat().st_size <= 2


def test_a_network_takes_no_file_descriptors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(50)))
    answers = list(ordered_map(network, [torch.full((1, 2), float(number)) for number in range(100)], workers=2))
    with torch.no_grad():
        expected = network(torch.full((1, 2), 99.0))
    assert torch.equal(answers[-1].detach(), expected)
    kept = [
        os.readlink(f"/proc/self/fd/{name}")
        for name in os.listdir("/proc/self/fd")
        if os.path.islink(f"/proc/self/fd/{name}")
    ]
    assert not [name for name in kept if "torch_" in name]


def test_no_file_descriptors_left_is_an_error() -> None:
    """In a process of its own: what serves its workers does not survive this."""
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_DESCRIPTORS], capture_output=True, text=True, timeout=120, check=False
    )
    assert answer.stdout.splitlines() == ["worker processes cannot be started"] * 4, answer.stderr


def test_a_pool_is_usable_after_an_error(functions) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError, match="cannot pickle"):
        list(ordered_map(functions.pid, [1, threading.Lock()], workers=2))
    assert len(list(ordered_map(functions.pid, range(4), workers=2))) == 4


def test_errors_of_all_kinds_arrive(functions) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RuntimeError, match="lost on the way"):
        list(ordered_map(functions.odd, range(3), workers=2))
    with pytest.raises(functions.Panic, match="compiled code"):
        list(ordered_map(functions.panic, range(3), workers=2))


def test_a_pool_without_a_process_gives_its_item_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        worker_pool, "work", os._exit
    )  # a worker that dies at its start: os._exit(pipe) is a TypeError there
    pool: WorkerPool[int, int] = WorkerPool(abs, 1)
    with pytest.raises(DeadWorkerError):
        pool.result_of(pool.submit(-1))
    pool.end()


def test_large_results_come_whole() -> None:
    found = list(ordered_map(np.zeros, [10, 5_000_000, 3], workers=2))
    assert [len(array) for array in found] == [10, 5_000_000, 3]


def test_what_a_worker_does_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import threadpoolctl  # type: ignore[import-untyped]

    limits: list[int] = []
    monkeypatch.setattr(threadpoolctl, "threadpool_limits", limits.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = signal.getsignal(signal.SIGINT)
    try:
        worker_pool._begin()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert limits == [1]


def test_a_worker_ends_with_its_parent() -> None:
    read_end, write_end = os.pipe()
    os.close(write_end)
    ended: list[int] = []
    worker_pool._end_with(read_end, ended.append)
    os.close(read_end)
    assert ended == [1]

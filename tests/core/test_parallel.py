from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hooke.core import parallel
from hooke.core.errors import UnknownNameError
from hooke.core.parallel import WorkerDiedError, ordered_map

# What workers run must be importable in them: this file is loaded by pytest under a name that is not, so the functions
# are written to a module of their own.
FUNCTIONS = """
import os, signal, time
from pathlib import Path
from hooke.core.errors import UnknownNameError

def square(x):
    time.sleep(0.01 if x % 3 == 0 else 0)
    return x * x

def complain(x):
    if x == 3:
        raise UnknownNameError("number", "3", ["4"])
    return x

def die_once(job):
    number, folder = job
    mark = Path(folder) / "died"
    if number == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number

def die_always(job):
    number, _ = job
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return number

def slow(job):
    number, folder = job
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    (tmp_path / "worker_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    import worker_functions  # type: ignore[import-not-found]

    yield worker_functions
    del sys.modules["worker_functions"]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300  # a machine may be busy
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_come_in_the_order_of_the_items(functions, workers: int) -> None:  # type: ignore[no-untyped-def]
    assert list(ordered_map(functions.square, range(20), workers=workers)) == [x * x for x in range(20)]


def test_an_endless_input_is_read_only_a_window_ahead(functions) -> None:  # type: ignore[no-untyped-def]
    taken: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    results = ordered_map(functions.square, endless(), workers=2, window=2)
    assert [next(results) for _ in range(6)] == [0, 1, 4, 9, 16, 25]
    assert len(taken) <= 6 + 4
    results.close()  # type: ignore[attr-defined]


def test_the_error_of_a_function_arrives_whole(functions) -> None:  # type: ignore[no-untyped-def]
    results = ordered_map(functions.complain, range(10), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UnknownNameError, match="unknown number '3'"):
        next(results)


def test_a_worker_that_dies_once_costs_nothing(functions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    jobs = [(number, str(tmp_path)) for number in range(12)]
    assert list(ordered_map(functions.die_once, jobs, workers=2)) == list(range(12))
    assert (tmp_path / "died").exists()


def test_an_item_that_always_kills_its_worker_is_named(functions) -> None:  # type: ignore[no-untyped-def]
    results = ordered_map(functions.die_always, [(number, "") for number in range(12)], workers=2, window=2)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(WorkerDiedError, match="died twice on item 5"):
        next(results)


@pytest.mark.parametrize("kind", ["SIGINT", "SIGKILL"])
def test_no_worker_outlives_a_stopped_program(kind: str, tmp_path: Path) -> None:
    (tmp_path / "worker_functions.py").write_text(FUNCTIONS)
    pids = tmp_path / "pids"
    pids.mkdir()
    program = tmp_path / "program.py"
    program.write_text(
        "import signal\nimport worker_functions\nfrom hooke.core.parallel import ordered_map\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it\n"
        f"    list(ordered_map(worker_functions.slow, [(n, {str(pids)!r}) for n in range(100)], workers=2))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, str(program)], env=environment, stderr=subprocess.PIPE, start_new_session=True, text=True
    )
    try:
        wait_for(lambda: len(list(pids.iterdir())) >= 2)
        if kind == "SIGINT":
            os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: all processes of the group get it
        else:
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    if kind == "SIGINT":
        assert errors.count("Traceback") == 1, errors  # the workers keep quiet
    wait_for(lambda: not any(alive(int(path.name)) for path in pids.iterdir()))


UNGUARDED = """
from hooke.core.parallel import ordered_map
import math
print("started")
print(list(ordered_map(math.factorial, range(6), workers=2)))
"""
OWN_FUNCTION = """
from hooke.core.parallel import ordered_map
def double(x):
    return 2 * x
if __name__ == "__main__":
    print("started")
    print(list(ordered_map(double, [0.5, 0.5, 1, 3, 12, 60], workers=2)))
"""


@pytest.mark.parametrize("way", ["script without guard", "stdin", "function of the script"])
def test_scripts_of_any_kind_can_use_workers(way: str, tmp_path: Path) -> None:
    code = OWN_FUNCTION if way == "function of the script" else UNGUARDED
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, "-" if way == "stdin" else str(tmp_path / "script.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        command, input=code, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.stderr == ""
    expected = "[1.0, 1.0, 2, 6, 24, 120]" if way == "function of the script" else "[1, 1, 2, 6, 24, 120]"
    assert answer.stdout == f"started\n{expected}\n"


def test_default_workers_are_the_cores_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parallel.default_workers() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert parallel.default_workers() == (os.cpu_count() or 1)

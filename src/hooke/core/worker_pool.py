"""Worker processes that apply one function to many items; each has a pipe of its own, so that a dead one is seen at once.

The function travels to each worker once, so that it may hold a network; items and results travel as plain bytes: no shared memory, no file
descriptor. The standard library's pool shares one pipe among its workers and waits for ever when one is killed while it writes a result.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, Generic, TypeVar

from hooke.core.errors import HookeError

Item = TypeVar("Item")
Result = TypeVar("Result")
# Not fork: the parent may hold threads (torch, numba), and a forked child could inherit a lock that is never freed.
_CONTEXT = multiprocessing.get_context("forkserver")
_READY, _RESULT, _ERROR = b"0", b"1", b"2"


class DeadWorkerError(Exception):
    """The process that had an item died, or no process was left to take it."""


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Future[bytes] | None = None
    ready: bool = False


class WorkerPool(Generic[Item, Result]):
    """At most so many processes, started as items come.

    Args:
        function: Picklable.
        workers: Processes.
    """

    def __init__(self, function: Callable[[Item], Result], workers: int) -> None:
        self._function, self._most = pickle.dumps(function), workers
        self._module = function.__module__
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[Future[bytes], bytes]] = deque()
        self._ended = False
        with _starting_explained():
            self._wakeup, self._wake = Pipe(duplex=False)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def submit(self, item: Item, *, first: bool = False) -> Future[bytes]:
        """Hand an item in; `result_of` waits for its result.

        Args:
            item: Picklable.
            first: Before all items that wait.

        Raises:
            HookeError: No process can be started.
        """
        job: Future[bytes] = Future()
        data = pickle.dumps(item, protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            if first:
                self._waiting.appendleft((job, data))
            else:
                self._waiting.append((job, data))
            free = sum(worker.job is None for worker in self._workers)
            more = len(self._workers) < self._most and free < len(self._waiting)
        if more:
            self._start()
        self._wake.send_bytes(b"")
        return job

    def result_of(self, job: Future[bytes]) -> Result:
        """Wait for a result; what the function raised is raised here.

        Raises:
            DeadWorkerError: Its process died.
        """
        answer = job.result()
        value = pickle.loads(answer[1:])
        if answer[:1] == _ERROR:
            raise value
        return value

    def end(self) -> None:
        """Kill all processes and forget what waits."""
        self._ended = True
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.process.kill()
        self._wake.send_bytes(b"")
        self._thread.join()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()
        self._wakeup.close()
        self._wake.close()

    def _start(self) -> None:
        with _starting_explained(), _main_hidden(self._module):
            ours, theirs = Pipe()
            try:
                process = _CONTEXT.Process(target=work, args=(theirs,), daemon=True)
                process.start()
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()  # the worker's end is in the worker alone: when that dies, ours reads an end of file
        with self._lock:
            self._workers.append(_Worker(process, ours))

    def _serve(self) -> None:
        """In a thread: hand out items and take results, until `end`."""
        while not self._ended:
            with self._lock:
                by_pipe = {worker.pipe: worker for worker in self._workers}
            for pipe in wait([self._wakeup, *by_pipe]):
                if pipe is self._wakeup:
                    self._wakeup.recv_bytes()
                else:
                    self._receive(by_pipe[pipe])  # type: ignore[index]
            for worker in by_pipe.values():
                self._give(worker)

    def _receive(self, worker: _Worker) -> None:
        try:
            answer = worker.pipe.recv_bytes()
            if answer == _READY:
                worker.pipe.send_bytes(self._function)
                worker.ready = True
                return
        except (EOFError, OSError, MemoryError):  # its end, or a result that this process cannot hold
            self._bury(worker)
            return
        job, worker.job = worker.job, None
        if job is not None:
            job.set_result(answer)

    def _give(self, worker: _Worker) -> None:
        with self._lock:
            if worker not in self._workers or not worker.ready or worker.job is not None or not self._waiting:
                return
            worker.job, data = self._waiting.popleft()
        try:
            worker.pipe.send_bytes(data)
        except OSError:
            self._bury(worker)

    def _bury(self, worker: _Worker) -> None:
        """Give up the item of a dead worker; the next that waits, if there is no worker left that could take it."""
        with self._lock:
            if worker not in self._workers:
                return
            self._workers.remove(worker)
            lost = worker.job
            if lost is None and not self._workers and self._waiting:
                lost, _ = self._waiting.popleft()
        worker.process.kill()
        worker.pipe.close()
        if lost is not None:
            lost.set_exception(DeadWorkerError())


@contextmanager
def _starting_explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HookeError(f"worker processes cannot be started: {error}; try fewer workers") from error


@contextmanager
def _main_hidden(module: str) -> Iterator[None]:
    """Start workers without running the user's script again in them.

    Python imports `__main__` in each new worker, which breaks scripts without `if __name__ == "__main__":`, notebooks
    and programs read from stdin. Functions of a module do not need it.
    """
    if module == "__main__":
        yield
        return
    real = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = real


def work(pipe: Connection) -> None:
    """In a worker: take the function, then apply it to one item after the other."""
    _begin()
    try:
        pipe.send_bytes(_READY)
        function: Callable[[Any], Any] | None = None
        payload = pipe.recv_bytes()
        while True:
            data = pipe.recv_bytes()
            try:
                function = function or pickle.loads(payload)
                payload = b""
                answer = _RESULT + pickle.dumps(function(pickle.loads(data)), protocol=pickle.HIGHEST_PROTOCOL)
            except BaseException as error:  # handed to the parent
                answer = _ERROR + _pickled(error)
            pipe.send_bytes(answer)
    except (EOFError, OSError):
        return  # the parent is gone


def _pickled(error: BaseException) -> bytes:
    """An error with its traceback in this process; in words, if it does not survive the way."""
    trace = "".join(traceback.format_exception(error))
    if not isinstance(error, HookeError):
        error.add_note(f"in a worker process:\n{trace}")
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:
        data = pickle.dumps(RuntimeError(f"in a worker process:\n{trace}"))
    return data


def _begin() -> None:
    """Ctrl-C is the parent's business, its death is ours, and one thread is enough.

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

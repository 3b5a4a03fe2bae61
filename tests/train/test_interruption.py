"""Signals become a question; handlers are put back; a second Ctrl-C stops at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import pytest

from hooke.train.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_and_the_handler_comes_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.asked
        os.kill(os.getpid(), number)
        assert interruption.asked
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interruption():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # a scheduler may repeat itself
        os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_leaves_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with Interruption():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_process_of_the_training_listens_to_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", multiprocessing.current_process)
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)  # from the terminal, to all processes
        assert not interruption.asked
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.asked
        left: list[int] = []
        monkeypatch.setattr(os, "getppid", lambda: -1)  # the parent was killed
        monkeypatch.setattr(os, "_exit", left.append)
        os.kill(os.getpid(), signal.SIGINT)
        assert left == [1]


def test_children_are_asked_and_then_killed() -> None:
    code = (
        "import multiprocessing, os, signal, time\n"
        "from hooke.train.interruption import Interruption\n"
        "def child(ready):\n"
        "    with Interruption() as interruption:\n"
        "        ready.set()\n"
        "        while not interruption.asked: time.sleep(0.01)\n"
        "    while True: time.sleep(0.01)\n"
        "context = multiprocessing.get_context('fork')\n"
        "ready = context.Event(); process = context.Process(target=child, args=(ready,)); process.start(); ready.wait()\n"
        "try:\n"
        "    with Interruption():\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(0.1); print('asked', process.is_alive(), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    process.join(); print('killed', process.exitcode)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["asked True", "killed -9"]
    assert "Ctrl-C again" in done.stderr

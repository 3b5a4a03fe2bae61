"""Ctrl-C and termination as a question that the loop asks between two steps, so that a saved state is never half a step."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_LOG = logging.getLogger("hooke")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Within the block SIGINT (Ctrl-C) and SIGTERM set `asked`; a second Ctrl-C stops at once.

    The process that the user started passes the question on to the training processes that it started; those take it
    from there alone, because a terminal sends Ctrl-C to all of them. Signals belong to the main thread; in another one
    nothing is changed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._parent = os.getppid() if multiprocessing.parent_process() else None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._parent is not None:
            if os.getppid() != self._parent:  # killed; a successor may be at work on the same files
                os._exit(1)
            self.asked |= number == signal.SIGTERM
            return
        if number == signal.SIGINT and self.asked:
            for child in multiprocessing.active_children():
                child.kill()
            raise KeyboardInterrupt
        self.asked = True
        _LOG.warning("stopping: the state is saved after this step; Ctrl-C again stops at once")
        for child in multiprocessing.active_children():
            child.terminate()

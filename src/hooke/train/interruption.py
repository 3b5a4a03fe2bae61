"""Ctrl-C and termination as a question that the loop asks between two steps, so that a saved state is never half a step."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_LOG = logging.getLogger("hooke")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Within the block SIGINT (Ctrl-C) and SIGTERM set `asked`; a second Ctrl-C stops at once.

    Signals belong to the main thread; in another one nothing is changed.
    """

    def __init__(self) -> None:
        self.asked = False
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
        if number == signal.SIGINT and self.asked:
            raise KeyboardInterrupt
        self.asked = True
        _LOG.warning("stopping: the state is saved after this step; Ctrl-C again stops at once")

"""Reading the crops of a batch, ahead of their use, in a thread or in worker processes. No torch, so that workers start fast."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.images.store import ImageStore
from hooke.images.tiles import turned

_END = object()
_WAIT_S = 0.1


@dataclass(frozen=True)
class CropBatch:
    """What one batch consists of.

    Attributes:
        rows: (B,) fields.
        corners: (B, 2) top and left of each crop.
        turns: (B,) how each crop is turned, as in `tiles.turned`.
    """

    rows: np.ndarray
    corners: np.ndarray
    turns: np.ndarray


def read_ahead(function: Callable[[Any], Any], items: Sequence[Any], depth: int) -> Iterator[Any]:
    """Apply a function to items in a thread, at most `depth` results ahead; an error in the thread is raised here."""
    ready: queue.Queue[object] = queue.Queue(maxsize=max(1, depth))
    stop = threading.Event()

    def put(item: object) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=_WAIT_S)
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
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def read_crops(store: ImageStore, batch: CropBatch, size: tuple[int, int], channels: Sequence[str]) -> np.ndarray:
    """The pixels of a batch: (B, C, height, width)."""
    pixels = store.read_crops(batch.rows, batch.corners[:, 0], batch.corners[:, 1], size, channels)
    return turned(pixels, batch.turns) if batch.turns.any() else pixels


def read_batch(job: tuple[str, CropBatch, tuple[int, int], tuple[str, ...]]) -> np.ndarray:
    """In a worker: the pixels of a batch."""
    folder, batch, size, channels = job
    return read_crops(_opened(folder), batch, size, channels)


@functools.lru_cache(maxsize=4)
def _opened(folder: str) -> ImageStore:
    return ImageStore.open(Path(folder))

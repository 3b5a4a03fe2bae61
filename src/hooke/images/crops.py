"""Reading the crops of a batch, here or in a worker process. No torch, so that workers start fast."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hooke.images.field_array import FieldArray
from hooke.images.store import ImageStore
from hooke.images.tiles import turned


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


def read_crops(
    store: ImageStore | FieldArray, batch: CropBatch, size: tuple[int, int], channels: Sequence[str]
) -> np.ndarray:
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

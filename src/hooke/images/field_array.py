"""`FieldArray`: fields that stand in memory, read like those of an `ImageStore`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.hashing import content_hash

_SHAPES = "images are an array (fields, channels, height, width), or (channels, height, width) for one field"


class FieldArray:
    """Fields of one size as an array.

    Pixels are kept as uint8, uint16 or floats; other whole numbers become uint16 where they fit. Floats are shares of the full scale,
    0 to 1, as skimage's `img_as_float` makes them: encoders read brightness as well as shape.

    Args:
        pixels: (fields, channels, height, width), or (channels, height, width) for one field.
        channels: Their names, in the order of the second axis; see `channel_names`.

    Raises:
        DataError: Pixels that are NaN, infinite, or outside of these ranges; none at all.
        UsageError: Another shape, another number of names, or a name that comes twice.
    """

    folder = Path("array")  # its name in messages
    simulated, left_out = False, ""

    def __init__(self, pixels: Any, channels: Sequence[str]) -> None:
        self._pixels = _fields(np.asarray(pixels))
        count = self._pixels.shape[1]
        self.channels = tuple(channels)
        if len(self.channels) != count:
            raise UsageError(
                f"{len(self.channels)} channel names ({', '.join(self.channels)}) for the {count} channels of an array "
                f"of shape {np.shape(pixels)}: name them in their order with channels=(...); {_SHAPES}"
            )
        if len(set(self.channels)) < count:
            raise UsageError(f"a channel name comes twice: {', '.join(self.channels)}")
        self.sizes = np.full((len(self), 2), self._pixels.shape[2:], np.int64)
        self.batch_index = np.zeros(len(self), np.int64)
        self.control = np.zeros(len(self), np.bool_)

    def __len__(self) -> int:
        """Number of fields."""
        return len(self._pixels)

    @property
    def content_hash(self) -> str:
        """Of pixels and channel names."""
        pixels = hashlib.sha256(np.ascontiguousarray(self._pixels).data).hexdigest()
        return content_hash([pixels, self._pixels.dtype.str, self._pixels.shape, self.channels])

    def channel_numbers(self, channels: Sequence[str] | None) -> np.ndarray:
        """See `ImageStore.channel_numbers`."""
        for name in channels or ():
            if name not in self.channels:
                raise UnknownNameError("channel", name, self.channels)
        wanted = self.channels if channels is None else tuple(channels)
        return np.array([self.channels.index(name) for name in wanted], np.int64)

    def read_crops(
        self,
        rows: np.ndarray,
        top: np.ndarray,
        left: np.ndarray,
        size: tuple[int, int],
        channels: Sequence[str] | None = None,
    ) -> np.ndarray:
        """See `ImageStore.read_crops`."""
        height, width = self._pixels.shape[2:]
        if len(rows) and (size[0] > height or size[1] > width):
            raise DataError(f"a crop of {size[0]} x {size[1]} is larger than the fields of {height} x {width} pixels")
        numbers = self.channel_numbers(channels)
        crops = [
            self._pixels[row, numbers, y : y + size[0], x : x + size[1]]
            for row, y, x in zip(rows, top, left, strict=True)
        ]
        return np.stack(crops) if crops else np.zeros((0, len(numbers), *size), self._pixels.dtype)


def _fields(pixels: np.ndarray) -> np.ndarray:
    """(fields, channels, height, width) uint8, uint16 or float32."""
    if pixels.ndim not in (3, 4):
        raise UsageError(f"{_SHAPES}, not one of shape {pixels.shape}")
    pixels = pixels[None] if pixels.ndim == 3 else pixels
    if 0 in pixels.shape[1:]:
        raise DataError(f"an array of shape {pixels.shape} holds no pixels; {_SHAPES}")
    if pixels.dtype.kind not in "iuf":
        raise DataError(f"pixels are whole numbers or floats, not {pixels.dtype}")
    if pixels.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(pixels))
        if len(wrong):
            field, channel, row, column = wrong[0]
            raise DataError(
                f"{len(wrong):,} pixels are NaN or infinite, the first in field {field}, channel {channel}, row {row}, "
                f"column {column}"
            )
    if pixels.dtype in (np.uint8, np.uint16) or not pixels.size:
        return pixels
    floats, low, high = pixels.dtype.kind == "f", pixels.min(), pixels.max()
    if floats and (low < 0 or high > 1):
        raise DataError(
            f"pixels as floats are shares of the full scale, 0 to 1, these lie between {low:g} and {high:g}: give them as uint8 or "
            "uint16, or divide them by the full scale of the camera"
        )
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise DataError(f"pixels as whole numbers lie between 0 and 65,535, these between {low:,} and {high:,}")
    return pixels.astype(np.float32 if floats else np.uint16)

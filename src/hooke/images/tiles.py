"""Crops and tilings of fields: where they lie, random ones, and the grid that covers a field."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from hooke.core.errors import DataError

Symmetry = Literal["none", "flips", "dihedral"]  # an image as it is, its four flips, or its eight turns and flips


@dataclass(frozen=True)
class Grid:
    """The crops that a field is cut into, recorded with every embedding.

    Attributes:
        height, width: Of the field, in pixels.
        size: Side of the crops.
        rows, columns: How many crops; 0 takes as few as cover the field.

    The first and the last crop of a row touch the edges, the others lie evenly between, so that they overlap when the size
    does not divide the field and leave gaps when fewer are asked for than cover it.
    """

    height: int
    width: int
    size: int
    rows: int = 0
    columns: int = 0

    def __post_init__(self) -> None:
        if min(self.height, self.width) < self.size:
            raise DataError(f"a field of {self.height} x {self.width} has no crop of {self.size} x {self.size}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of crops."""
        return self.rows or -(-self.height // self.size), self.columns or -(-self.width // self.size)

    @property
    def corners(self) -> np.ndarray:
        """(crops, 2) int64: top and left of each crop, row after row."""
        down, across = self.shape
        top, left = _places(self.height, self.size, down), _places(self.width, self.size, across)
        return np.stack(np.meshgrid(top, left, indexing="ij"), axis=2).reshape(-1, 2)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)


def _places(length: int, size: int, count: int) -> np.ndarray:
    if count == 1:
        return np.array([(length - size) // 2], dtype=np.int64)
    return np.rint(np.linspace(0, length - size, count)).astype(np.int64)


def random_corners(sizes: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """One random crop a field.

    Args:
        sizes: (n, 2) height and width of each field.
        size: Side of the crops.
        generator: Source of the randomness.

    Returns:
        (n, 2) int64: top and left.

    Raises:
        DataError: A field is smaller than the crop.
    """
    room = np.asarray(sizes) - size
    if len(room) and room.min() < 0:
        height, width = np.asarray(sizes)[int(room.min(axis=1).argmin())]
        raise DataError(f"a field of {height} x {width} has no crop of {size} x {size}")
    return np.floor(generator.random(room.shape) * (room + 1)).astype(np.int64)


def centre_corners(sizes: np.ndarray, size: int) -> np.ndarray:
    """The crop in the middle of each field: (n, 2) top and left."""
    return np.array([Grid(int(height), int(width), size, 1, 1).corners[0] for height, width in sizes]).reshape(-1, 2)


def shrink(plane: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of `factor` pixels, rounded; a rest at the lower and right edge is cut off.

    Args:
        plane: (..., H, W).
        factor: Side of the squares; 1 changes nothing.
    """
    if factor == 1:
        return plane
    height, width = plane.shape[-2] // factor, plane.shape[-1] // factor
    squares = plane[..., : height * factor, : width * factor].reshape(*plane.shape[:-2], height, factor, width, factor)
    means = squares.mean(axis=(-3, -1))
    return np.rint(means).astype(plane.dtype) if np.issubdtype(plane.dtype, np.integer) else means.astype(plane.dtype)


def turned(images: np.ndarray, element: np.ndarray) -> np.ndarray:
    """Each image turned by an element of the symmetries of the square.

    Args:
        images: (n, ..., S, S).
        element: (n,) 0 to 7: quarter turns, plus 4 for a flip before them.

    Returns:
        The turned images, of the same shape.
    """
    out = np.empty_like(images)
    for code in np.unique(element):
        where = element == code
        chosen = images[where]
        chosen = chosen[..., ::-1] if code >= 4 else chosen
        out[where] = np.rot90(chosen, int(code) % 4, axes=(-2, -1))
    return out

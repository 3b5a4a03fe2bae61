"""Plates as pictures: a number a well on the grid of rows and columns, and what edges and gradients do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UsageError

SIZES = ((2, 3), (4, 6), (8, 12), (16, 24), (32, 48))


@dataclass(frozen=True)
class PlateMap:
    """One plate.

    Attributes:
        plate: Its name.
        grid: (rows, columns) means of the wells, NaN where there is none.
        edge: Mean of the outermost wells minus mean of the inner ones, in standard deviations of the inner ones.
        row_share, column_share: Share of the variance between wells that row and column means explain.
    """

    plate: str
    grid: np.ndarray
    edge: float
    row_share: float
    column_share: float


def well_place(well: str) -> tuple[int, int]:
    """Row and column from 0: "A01" is (0, 0), "AF48" is (31, 47).

    Raises:
        DataError: Not the name of a well.
    """
    match = re.fullmatch(r"([A-Za-z]{1,2})0*(\d{1,2})", well.strip())
    if not match or int(match[2]) < 1:
        raise DataError(f"{well!r} is not the name of a well such as B07")
    row = 0
    for letter in match[1].upper():
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1, int(match[2]) - 1


def plate_maps(profiles: Profiles, values: np.ndarray | str) -> list[PlateMap]:
    """One map a plate, by name of the plate.

    Args:
        profiles: With the columns plate and well.
        values: (n,) a number a row, or the name of a metadata column.

    Raises:
        UsageError: There is no column plate or well.
        DataError: A name of a well that is none.
    """
    if not {"plate", "well"} <= set(profiles.metadata.columns):
        raise UsageError("plate maps need the columns plate and well")
    numbers = np.asarray(profiles.column(values) if isinstance(values, str) else values, np.float64)
    plates = profiles.column("plate").astype(str)
    places = np.array([well_place(str(well)) for well in profiles.column("well")]).reshape(-1, 2)
    return [_plate(name, places[plates == name], numbers[plates == name]) for name in np.unique(plates)]


def _plate(name: str, places: np.ndarray, numbers: np.ndarray) -> PlateMap:
    needed = places.max(axis=0) + 1
    size = next((size for size in SIZES if needed[0] <= size[0] and needed[1] <= size[1]), tuple(needed))
    measured = np.isfinite(numbers)
    total, count = np.zeros(size), np.zeros(size)
    np.add.at(total, tuple(places[measured].T), numbers[measured])
    np.add.at(count, tuple(places[measured].T), 1)
    grid = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    rim = np.zeros(size, bool)
    rim[[0, -1]] = rim[:, [0, -1]] = True
    present = np.isfinite(grid)
    outer, inner = grid[present & rim], grid[present & ~rim]
    edge = float("nan")
    if len(outer) and len(inner) > 1 and inner.std() > 0:
        edge = float((outer.mean() - inner.mean()) / inner.std())
    return PlateMap(str(name), grid, edge, _share(grid, 0), _share(grid, 1))


def _share(grid: np.ndarray, axis: int) -> float:
    present = np.isfinite(grid)
    values, codes = grid[present], np.nonzero(present)[axis]
    spread = ((values - values.mean()) ** 2).sum() if len(values) else 0.0
    if spread == 0:
        return float("nan")
    sizes = np.bincount(codes)
    means = np.bincount(codes, values) / np.maximum(sizes, 1)
    return float((sizes * (means - values.mean()) ** 2).sum() / spread)

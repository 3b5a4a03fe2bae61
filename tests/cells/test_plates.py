from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells.plates import plate_maps, well_place
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UsageError


@pytest.mark.parametrize(("well", "place"), [("A01", (0, 0)), ("b7", (1, 6)), ("P24", (15, 23)), ("AF48", (31, 47))])
def test_well_names(well: str, place: tuple[int, int]) -> None:
    assert well_place(well) == place


@pytest.mark.parametrize("well", ["", "A00", "1A", "A-1"])
def test_what_is_no_well(well: str) -> None:
    with pytest.raises(DataError, match="not the name of a well"):
        well_place(well)


def test_edges_rows_and_columns_are_seen() -> None:
    wells = [f"{'ABCDEFGH'[row]}{column + 1:02d}" for row in range(8) for column in range(12)]
    numbers = np.array([row * 1.0 for row in range(8) for _ in range(12)])
    metadata = pl.DataFrame({"plate": ["p"] * 96, "well": wells, "cell_count": numbers})
    [found] = plate_maps(Profiles.of_embeddings(np.zeros((96, 1)), metadata), "cell_count")
    assert found.grid.shape == (8, 12)
    assert np.array_equal(found.grid[:, 0], np.arange(8))
    assert found.row_share == pytest.approx(1)
    assert found.column_share == pytest.approx(0)
    rim = np.array([row in (0, 7) or column in (0, 11) for row in range(8) for column in range(12)])
    noisy = 5.0 * rim + np.random.default_rng(0).normal(size=96)
    [edged] = plate_maps(Profiles.of_embeddings(np.zeros((96, 1)), metadata), noisy)
    assert edged.edge > 3
    [few] = plate_maps(Profiles.of_embeddings(np.zeros((1, 1)), metadata[:1]), np.array([np.nan]))
    assert np.isnan(few.edge)
    assert np.isnan(few.row_share)
    assert few.grid.shape == (2, 3)


def test_columns_are_needed() -> None:
    with pytest.raises(UsageError, match="plate and well"):
        plate_maps(Profiles.of_embeddings(np.zeros((1, 1)), pl.DataFrame({"well": ["A01"]})), np.zeros(1))

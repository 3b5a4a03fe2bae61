from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells.features import average_cells, normalise, select_features, take_features
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError


def table(values: np.ndarray, names: tuple[str, ...], **columns: list) -> Profiles:
    return Profiles(values, pl.DataFrame(columns or {"plate": ["a"] * len(values)}), names)


@pytest.mark.parametrize("method", ["robust", "standardise"])
def test_controls_end_up_at_zero_and_one(method: str) -> None:
    generator = np.random.default_rng(0)
    batches = np.repeat(["a", "b"], 200)
    values = generator.normal(size=(400, 2)) * [1, 50] + np.where(batches == "a", 0, 7)[:, None]
    values[:, 1] = np.where(batches == "b", 3.0, values[:, 1])  # without spread in b
    values[0, 0] = np.nan
    found = normalise(table(values, ("x", "y")), batches, np.ones(400, bool), method=method).values
    for batch in "ab":
        assert abs(np.nanmedian(found[batches == batch, 0])) < 0.2
        assert np.nanstd(found[batches == batch, 0]) == pytest.approx(1, abs=0.2)
    assert np.isnan(found[batches == "b", 1]).all()
    assert np.isfinite(found[batches == "a", 1]).all()


def test_normalising_needs_controls() -> None:
    with pytest.raises(DataError, match="at least 2"):
        normalise(table(np.zeros((3, 1)), ("x",)), np.array(list("aab")), np.array([True, True, True]))
    with pytest.raises(UnknownNameError):
        normalise(table(np.zeros((3, 1)), ("x",)), np.array(list("aaa")), np.ones(3, bool), method="z")


def test_selection() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(2, 100))
    missing = np.where(np.arange(100) < 20, np.nan, y)
    few = y.copy()
    few[0] = np.nan
    columns = {
        "Cells_Area": x, "Cells_AreaAgain": x + 0.01 * y, "Cells_Location_Center_X": y, "Cells_Missing": missing,
        "Nuclei_Few": few, "Cells_Constant": np.ones(100), "Cells_Huge": 1e6 * x,
    }  # fmt: skip
    found = select_features(table(np.stack(list(columns.values()), axis=1), tuple(columns)))
    assert set(found.features) <= {"Cells_Area", "Cells_AreaAgain", "Nuclei_Few"}
    assert len(found.features) == 2
    assert np.isfinite(found.values).all()
    with pytest.raises(DataError, match="no feature is left"):
        select_features(table(np.ones((5, 1)), ("a",)))


def test_cells_become_wells() -> None:
    values = np.array([[1.0, np.nan], [3, 4], [10, np.nan], [50, np.nan]])
    cells = table(
        values, ("x", "y"), plate=["p", "p", "p", "p"], well=["A01", "A01", "A02", "A02"], gene=["G", "G", "H", "I"]
    )
    found = average_cells(cells)
    assert found.values[:, 0].tolist() == [2, 30]
    assert found.values[0, 1] == 4
    assert np.isnan(found.values[1, 1])
    assert found.column("cell_count").tolist() == [2, 2]
    assert found.column("gene").tolist() == ["G", ""]  # A02 holds two genes
    assert average_cells(cells, how="mean").values[1, 0] == 30
    with pytest.raises(UnknownNameError):
        average_cells(cells, by=["dish"])
    with pytest.raises(UnknownNameError):
        average_cells(cells, how="mode")


def test_features_of_an_earlier_selection() -> None:
    profiles = Profiles(
        np.array([[1.0, 2.0, 3.0], [np.nan, 4.0, np.inf], [3.0, 6.0, 5.0]], np.float32),
        pl.DataFrame({"well": ["A01", "A02", "A03"]}),
        ("a", "b", "c"),
    )
    found = take_features(profiles, ["c", "a"])
    assert found.features == ("c", "a")
    assert found.values.tolist() == [[3.0, 1.0], [4.0, 2.0], [5.0, 3.0]]
    with pytest.raises(DataError, match="1 of 2 features are not in this table, such as 'd'"):
        take_features(profiles, ["a", "d"])
    empty = Profiles(np.full((2, 1), np.nan, np.float32), profiles.metadata[:2], ("a",))
    with pytest.raises(DataError, match="hold no number here"):
        take_features(empty, ["a"])

from __future__ import annotations

import pytest

from hooke.core.errors import DataError
from hooke.core.well_names import is_well, match_plates, same_well, well_name, well_position


@pytest.mark.parametrize(("name", "place"), [("A01", (1, 1)), ("b7", (2, 7)), ("P24", (16, 24)), ("AF48", (32, 48))])
def test_names_and_places(name: str, place: tuple[int, int]) -> None:
    assert well_position(name) == place
    assert well_position(well_name(*place)) == place


def test_same_well_has_one_name() -> None:
    assert {same_well(name) for name in ("b7", "B07", "B007", " B7 ")} == {"B07"}


@pytest.mark.parametrize("name", ["", "7B", "A0", "ABC1", "well"])
def test_what_names_no_well_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="not a name of a well"):
        well_position(name)


def test_places_count_from_one() -> None:
    with pytest.raises(DataError, match="count from 1"):
        well_name(0, 3)


def test_is_well() -> None:
    assert [is_well(name) for name in ("A1", " aa02", "empty", "A0", "1A")] == [True, True, False, False, False]


def test_plates_written_in_two_ways_are_one_where_that_is_clear() -> None:
    assert match_plates(["007", "1E10", "P2"], ["007", "1E10", "P2", "P3"]) == {
        "007": "007",
        "1E10": "1E10",
        "P2": "P2",
    }
    assert match_plates(["Plate1", "2"], ["1.0", "002"]) == {"Plate1": "1.0", "2": "002"}
    assert match_plates(["1", "01"], ["1.0"]) == {}  # which of the two it is cannot be told
    assert match_plates(["0"], ["000"]) == {"0": "000"}

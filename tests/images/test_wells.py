from __future__ import annotations

import pytest

from hooke.core.errors import DataError
from hooke.images.wells import distance_to_edge, plate_shape, same_well, well_name, well_position


@pytest.mark.parametrize(("name", "place"), [("A01", (1, 1)), ("b7", (2, 7)), ("P24", (16, 24)), ("AF48", (32, 48))])
def test_names_and_places(name: str, place: tuple[int, int]) -> None:
    assert well_position(name) == place
    assert well_position(well_name(*place)) == place


def test_same_well_has_one_name() -> None:
    assert {same_well(name) for name in ("b7", "B07", "B007", " B7 ")} == {"B07"}


@pytest.mark.parametrize("name", ["", "7B", "A0", "ABC1", "well"])
def test_what_names_no_well_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="no name of a well"):
        well_position(name)


def test_places_count_from_one() -> None:
    with pytest.raises(DataError, match="count from 1"):
        well_name(0, 3)


def test_plate_shapes_and_edges() -> None:
    assert plate_shape(9, 3) == (16, 24)
    assert plate_shape(40, 60) == (40, 60)
    assert [distance_to_edge(*place, (8, 12)) for place in ((1, 5), (2, 2), (4, 6), (8, 12))] == [0, 1, 3, 0]

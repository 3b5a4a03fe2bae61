from __future__ import annotations

from hooke.images.wells import distance_to_edge, plate_shape


def test_plate_shapes_and_edges() -> None:
    assert plate_shape(9, 3) == (16, 24)
    assert plate_shape(40, 60) == (40, 60)
    assert [distance_to_edge(*place, (8, 12)) for place in ((1, 5), (2, 2), (4, 6), (8, 12))] == [0, 1, 3, 0]

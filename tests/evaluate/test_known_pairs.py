from __future__ import annotations

from hooke.evaluate.known_pairs import unique_pairs


def test_places_do_not_depend_on_the_order_of_entities() -> None:
    pairs = unique_pairs("mine", ["A", "B", "X"], ["B", "C", "A"])
    assert pairs.places(["C", "A", "B"]).tolist() == [[0, 2], [1, 2]]
    assert pairs.places(["A", "Q"]).tolist() == []
    assert pairs.places([]).shape == (0, 2)

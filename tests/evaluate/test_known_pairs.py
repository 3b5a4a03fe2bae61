from __future__ import annotations

from hooke.evaluate.known_pairs import unique_pairs


def test_places_do_not_depend_on_the_order_of_entities() -> None:
    pairs = unique_pairs("mine", ["A", "B", "X"], ["B", "C", "A"])
    assert pairs.places(["C", "A", "B"]).tolist() == [[0, 2], [1, 2]]
    assert pairs.places(["A", "Q"]).tolist() == []
    assert pairs.places([]).shape == (0, 2)


def test_names_that_differ_in_case_alone() -> None:
    pairs = unique_pairs("mine", ["tp53", "myc", "X"], ["MDM2", "max", "y"])
    assert len(pairs.places(["TP53", "MDM2", "Myc", "MYC", "x"])) == 0
    spelled = pairs.spelled_as(["TP53", "MDM2", "Myc", "MYC", "MAX", "x"])
    assert ("MDM2", "TP53") in list(zip(spelled.first, spelled.second, strict=True))
    assert "myc" in spelled.second.tolist()  # which of two it is cannot be told

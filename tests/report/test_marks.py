from __future__ import annotations

import re
from typing import Any

import pytest

from hooke.report.marks import structure, track, track_scale
from hooke.report.schema import Drawing, Estimate


def test_a_structure_takes_its_colours_from_the_page(tree: Any) -> None:
    drawing = Drawing(10, 20, (("", "M0 0L1 1"), ("Xx", "M0 0L2 2")), (("O", "M0 0L1 1Z"),), ((1, 2, 9, "Cl", "Cl"),))
    found = tree(structure(drawing, "a <molecule>"))
    assert [attributes.get("class") for _, attributes in found.elements] == [
        "structure",
        "pen eC",
        "pen eC",
        "wedge eO",
        "atom eCl",
    ]
    assert found.elements[0][1]["aria-label"] == "a <molecule>"


def test_a_track_stays_within_its_line() -> None:
    found = track(Estimate(0.5, -9.0, 9.0), (0.0, 1.0), "s1", repeats=[0.25, None], truth=2.0, zero=True)
    places = [float(value) for value in re.findall(r"left:([\d.]+)%", found)]
    assert places == [0.0, 0.0, 25.0, 100.0, 50.0]
    assert "width:100.0%" in found
    assert track(Estimate(None), (0.0, 1.0), "s0") == '<span class="track" aria-hidden="true"></span>'
    assert "left:50.0%" in track(Estimate(3.0), (3.0, 3.0), "s0")


def test_a_scale_holds_everything() -> None:
    low, high = track_scale([Estimate(1.0, 0.5, 2.0), Estimate(None)], 3.0, None, zero=True)
    assert low == pytest.approx(-0.18)
    assert high == pytest.approx(3.18)
    assert track_scale([]) == (0.0, 1.0)
    assert track_scale([Estimate(5.0)]) == (4.5, 5.5)
    assert track_scale([Estimate(0.0)]) == (-1.0, 1.0)

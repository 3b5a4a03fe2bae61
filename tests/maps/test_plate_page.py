from __future__ import annotations

import numpy as np

from hooke.cells.plates import PlateMap
from hooke.maps.evaluation import plate_page


def test_every_well_has_its_colour() -> None:
    grid = np.full((32, 48), np.nan)
    grid[0, 0], grid[0, 1], grid[31, 47] = 0.0, 5.0, 10.0
    page = plate_page({"cell <count>": [PlateMap("P&1", grid, 0.5, 0.25, float("nan"))]}, "Plates")
    assert "cell &lt;count&gt;" in page
    assert "P&amp;1: edge +0.50 deviations, rows explain 25%</figcaption>" in page
    assert page.count('<td class="none">') == 32 * 48 - 3
    assert "rgb(47,111,184)" in page
    assert "rgb(244,241,234)" in page
    assert "rgb(200,84,10)" in page
    assert "<th>AF<" in page


def test_plates_of_one_value_are_white() -> None:
    page = plate_page({"flat": [PlateMap("P", np.full((2, 3), 4.0), float("nan"), 0.0, 0.0)]}, "Plates")
    assert page.count("rgb(244,241,234)") == 6
    assert "striped" in plate_page({"none": [PlateMap("P", np.full((2, 3), np.nan), 0.0, 0.0, 0.0)]}, "Plates")

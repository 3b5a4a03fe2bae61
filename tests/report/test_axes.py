from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.report.axes import Scale, horizontal, path, plot, unit_scales, vertical


def test_a_scale_maps_its_ends() -> None:
    scale = Scale(0, 10, 100, 200)
    assert (scale(0), scale(5), scale(10)) == (100, 150, 200)
    log = Scale(1, 100, 0, 10, log=True)
    assert (log(1), log(10), log(100), log(0)) == (0, 5, 10, 0)


def test_ticks_are_round() -> None:
    assert [text for _, text in Scale(0, 1, 0, 1).ticks()] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [text for _, text in Scale(-0.02, 1.02, 0, 1).ticks(4)] == ["0.0", "0.5", "1.0"]
    assert [text for _, text in Scale(-30, 5, 0, 1).ticks()] == ["−30", "−20", "−10", "0"]
    assert [text for _, text in Scale(0.5, 8, 0, 1, log=True).ticks()] == ["0.5", "1", "2", "5"]
    assert [text for _, text in Scale(2.1, 3.9, 0, 1, log=True).ticks()] == ["2.5", "3.0", "3.5"]
    assert [text for _, text in Scale(1e-9, 5e-9, 0, 1).ticks()][:2] == ["1.0e−09", "2.0e−09"]
    assert [text for _, text in Scale(1, 1e6, 0, 1, log=True).ticks()] == [
        "1",
        "10",
        "100",
        "1,000",
        "10,000",
        "100,000",
        "1,000,000",
    ]


@given(st.floats(-1e8, 1e8), st.floats(1e-6, 1e8), st.integers(2, 8))
def test_ticks_lie_within_and_are_neither_none_nor_many(low: float, width: float, count: int) -> None:
    scale = Scale(low, low + max(width, abs(low) * 1e-6), 0, 1)
    values = [value for value, _ in scale.ticks(count)]
    assert 1 <= len(values) <= count + 1
    slack = (scale.high - scale.low) * 1e-6
    assert all(scale.low - slack <= value <= scale.high + slack for value in values)


@pytest.mark.parametrize("values", [[], [3.0], [0.0], [None, math.nan, 2.0, 2.0], [-1.0, 4.0]])
def test_scales_around_anything(values: list[float | None]) -> None:
    for scale in (horizontal(values), vertical(values), vertical(values, log=True)):
        assert scale.high > scale.low
        assert scale.ticks()


def test_a_line_breaks_where_nothing_is_known() -> None:
    assert path([(0, 1), (1, 2), (2, math.nan), (3, 4)]) == "M0 1L1 2M3 4"
    assert path([]) == ""


def test_a_plot_names_its_axes_and_itself() -> None:
    found = plot(*unit_scales(), ("across <x>", "up"), label="what it shows", chart="c0")
    assert "across &lt;x&gt;" in found
    assert 'aria-label="what it shows"' in found
    assert 'data-chart="c0"' in found
    assert 'tabindex="0"' in found

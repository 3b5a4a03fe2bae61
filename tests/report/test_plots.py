from __future__ import annotations

import json
import re
from typing import Any

import pytest

from hooke.report import plots
from hooke.report.data_schema import Histogram
from hooke.report.plots import Charts
from hooke.report.schema import (
    Colouring,
    Curve,
    EmbeddingMap,
    Estimate,
    LearningCurves,
    Parity,
    Report,
    Sweep,
    SweptLine,
)


def numbers_within(markup: str) -> bool:
    """Every mark lies on its canvas."""
    width, height = (float(value) for value in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', markup).groups())  # type: ignore[union-attr]
    across = [float(value) for value in re.findall(r' c?x[12]?="(-?[\d.]+)"', markup)]
    up = [float(value) for value in re.findall(r' c?y[12]?="(-?[\d.]+)"', markup)]
    return all(-1 <= value <= width + 1 for value in across) and all(-1 <= value <= height + 1 for value in up)


@pytest.mark.parametrize("log", [False, True])
def test_learning_curves(log: bool, tree: Any) -> None:
    low = 0.01 if log else 0.5
    curves = (
        Curve("a", (1.0, 2.0, 3.0), (1.0, None, low), (1.2, 0.9, 1.0), 2.0),
        Curve("b", (1.0,), (1.0,), (None,), 1.0),
    )
    charts = Charts()
    found = tree(plots.learning_curves(LearningCurves("T", curves), charts))
    assert len(found.with_class("train")) == 2
    assert len(found.with_class("valid")) == 1
    assert len(found.with_class("best")) == 1
    assert ("loss (log scale)" in "".join(found.texts["text"])) == log
    assert [series["name"] for series in charts.data["c0"]["series"]] == ["a, train", "a, valid", "b, train"]
    assert numbers_within(plots.learning_curves(LearningCurves("T", curves), charts))


def test_an_empty_panel_is_still_a_plot() -> None:
    assert plots.learning_curves(LearningCurves("T", ()), Charts()).startswith("<svg")


def test_parity_shows_every_point_and_no_bar_outside(tree: Any) -> None:
    section = Parity(
        "t", "m", (0.0, 1.0), (0.1, 0.8), (-99.0, 0.5), (0.2, 99.0), "90 %", "eV", molecules=(4, 2), total=2
    )
    charts = Charts()
    markup = plots.parity(section, charts, "s1")
    found = tree(markup)
    assert len(found.with_class("point")) == 2
    assert "measured (eV)" in markup
    chart = charts.data["c0"]
    assert chart["molecules"] == (4, 2)
    assert [name for name, _ in chart["fields"]] == ["measured", "predicted", "90 %"]
    heights = [float(value) for value in re.findall(r"V(-?[\d.]+)", found.with_class("bars")[0]["d"] or "")]
    assert min(heights) >= 0
    without = Parity("t", "m", (0.0,), (0.1,))
    assert "bars" not in plots.parity(without, charts, "s1")


def test_all_plots_of_a_report_lie_on_their_canvas(report: Report) -> None:
    charts = Charts()
    colours = {"fine-tuned": "s0"}
    drawn = [
        *(plots.parity(one, charts, "s0") for one in report.parity),
        *(plots.roc(one, charts, colours) for one in report.binary),
        *(plots.precision_recall(one, charts, colours) for one in report.binary),
        *(plots.reliability(one, charts, "s0") for one in report.reliability),
        *(plots.coverage(one, charts, "s0") for one in report.coverage),
        *(plots.embedding_map(one, charts) for one in report.maps),
    ]
    assert all(numbers_within(markup) for markup in drawn)
    assert len(charts.data) == len(drawn)
    json.dumps(charts.data, allow_nan=False)


def test_histograms() -> None:
    found = plots.histogram(Histogram((1, 3), (0.0, 0.5, 1.0)), "what")
    assert "0 to 0.500: 1" in found
    assert '<div class="ends" aria-hidden="true"><span>0</span><span>1</span></div>' in found
    found = plots.histogram(Histogram((1, 3), names=("no", "<yes>")), "what")
    assert "class &lt;yes&gt;: 3" in found
    assert (
        plots.histogram(Histogram(tuple(range(20)), names=tuple("abcdefghijklmnopqrst")), "what").count("<span>") == 0
    )
    assert plots.histogram(Histogram((0,), (0.0, 1.0)), "what")


def test_colours_of_a_map() -> None:
    numbers = Colouring("n", (0.0, 5.0, None, 10.0))
    assert plots.colour_classes(numbers) == ["r0", "r6", "none", "r11"]
    words = Colouring("w", (0.0, 9.0, None, 1.0), tuple("abcdefghij"))
    assert plots.colour_classes(words) == ["s0", "s1", "none", "s1"]
    assert [plots.value_of(words, place) for place in (1, 2)] == ["j", "not measured"]
    assert plots.value_of(numbers, 1) == "5"
    assert plots.colour_classes(Colouring("same", (2.0, 2.0))) == ["r6", "r6"]
    unknown = Colouring("u", (None,))
    assert plots.colour_classes(unknown) == ["none"]
    assert plots.value_range(unknown) == (None, None)


@pytest.mark.parametrize("places", [((), ()), ((0.5,), (0.5,)), ((0.0, 0.0), (-1.0, 1.0)), ((-1.0, 1.0), (0.0, 0.1))])
def test_maps_of_any_shape(places: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    x, y = places
    charts = Charts()
    markup = plots.embedding_map(EmbeddingMap("m", "pca", x, y, tuple(0 for _ in x)), charts)
    assert numbers_within(markup)
    assert 0.6 * plots.MAP_SIZE <= charts.data["c0"]["height"] <= plots.MAP_SIZE + 1


def test_sweeps_with_and_without_a_law() -> None:
    charts = Charts()
    measured = (Estimate(1.0, 0.9, 1.1), Estimate(None), Estimate(0.5))
    law = SweptLine("width <1>", (16.0, 32.0, 64.0), measured, (16.0, 64.0), (1.0, 0.5), "x^-0.5")
    plain = SweptLine("depth", (1.0, 2.0, 4.0), (Estimate(-3.0), Estimate(0.0), Estimate(5.0)))
    curve = plots.sweep(Sweep("Error", "size", "error", (law,)), charts)
    lines = plots.sweep(Sweep("Gain", "times", "%", (law, plain), log_y=False), charts)
    assert all(numbers_within(markup) for markup in (curve, lines))
    assert curve.count("<circle") == 2
    assert "curve train" in curve
    assert "width &lt;1&gt;: x^-0.5" in curve
    assert "curve valid" in lines
    assert [charts.data[name]["log"] for name in ("c0", "c1")] == [True, True]
    json.dumps(charts.data, allow_nan=False)

"""The plots of a report, from its sections to SVG.

A plot that answers the pointer or the arrow keys has a name under which the page's script finds its numbers; `Charts`
collects them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hooke.report.axes import SQUARE, Scale, horizontal, path, plot, svg, unit_scales, vertical
from hooke.report.data_schema import Histogram
from hooke.report.markup import Markup, element, join
from hooke.report.schema import (
    BinaryCurves,
    Colouring,
    Coverage,
    EmbeddingMap,
    Estimate,
    LearningCurves,
    Line,
    Parity,
    Reliability,
    Sweep,
)
from hooke.report.wording import bounds_text, estimate_text, measured_text, name_text, number, plain

RAMP = 12  # colours of the continuous scale
MAP_SIZE = 640
NARROW = 350  # width of a learning curve: three stand side by side
_LOG_FROM = 15.0  # losses that fall by more than this factor are drawn on a logarithmic axis


class Charts:
    """Numbers behind the plots, for the page's script: name -> data."""

    def __init__(self) -> None:
        self.data: dict[str, dict[str, Any]] = {}

    def add(self, **data: Any) -> str:
        """Keep data; returns the plot's name."""
        name = f"c{len(self.data)}"
        self.data[name] = data
        return name

    def lines(self, series: Sequence[Mapping[str, Any]], x: Scale, y: Scale, step: str) -> str:
        """Keep named lines over a common horizontal axis."""
        box = [x.start, y.end, x.end, y.start]
        return self.add(kind="lines", series=series, x=[x.low, x.high, x.start, x.end], step=step, box=box, log=x.log)


def learning_curves(section: LearningCurves, charts: Charts) -> Markup:
    """Training loss dashed, validation loss solid, a dot where it was best."""
    losses = [value for curve in section.curves for value in (*curve.train, *curve.valid) if value is not None]
    log = bool(losses) and min(losses) > 0 and max(losses) / min(losses) > _LOG_FROM
    x = horizontal([step for curve in section.curves for step in curve.steps], margin=0.02, width=NARROW)
    y = vertical(losses, log=log)
    marks, series = [], []
    for place, curve in enumerate(section.curves):
        colour = f"s{place % 8}"
        for what, values in (("train", curve.train), ("valid", curve.valid)):
            if not any(value is not None for value in values):
                continue
            known = [math.nan if value is None else value for value in values]
            points = [
                (x(step), math.nan if math.isnan(value) else y(value))
                for step, value in zip(curve.steps, known, strict=True)
            ]
            marks.append(element("path", class_=f"curve {what} {colour}", d=path(points)))
            name = what if len(section.curves) == 1 else f"{curve.name}, {what}"
            series.append({"name": name, "colour": colour, "x": curve.steps, "y": values})
        if curve.best_step is not None and curve.best_step in curve.steps:
            best = curve.valid[curve.steps.index(curve.best_step)]
            if best is not None:
                marks.append(element("circle", class_=f"best {colour}", cx=x(curve.best_step), cy=y(best), r=4.5))
    chart = charts.lines(series, x, y, section.step_name)
    name = f"{section.loss_name} (log scale)" if log else section.loss_name
    label = f"{section.title}: {section.loss_name} by {section.step_name} for {len(section.curves)} curves."
    return plot(x, y, (section.step_name, name), *marks, label=label, chart=chart)


def sweep(section: Sweep, charts: Charts) -> Markup:
    """Dots with bars of uncertainty over a logarithmic axis; a law dashed, plain values joined where there is none."""
    x = horizontal([size for line in section.lines for size in line.x], log=True, width=NARROW)
    estimates = [found for line in section.lines for found in line.y]
    values = [bound for found in estimates for bound in (found.value, found.low, found.high)]
    y = vertical([*values, *(value for line in section.lines for value in line.law_y)], log=section.log_y)
    marks, series = [], []
    for place, line in enumerate(section.lines):
        colour = f"s{place % 8}"
        dots = [
            (x(size), y(found.value)) for size, found in zip(line.x, line.y, strict=True) if found.value is not None
        ]
        if line.law_x:
            drawn = [(x(size), y(value)) for size, value in zip(line.law_x, line.law_y, strict=True)]
            marks.append(element("path", class_=f"curve train {colour}", d=path(drawn)))
        else:
            marks.append(element("path", class_=f"curve valid {colour}", d=path(dots)))
        bars = [
            f"M{x(size):g} {_inside(y, found.low):g}V{_inside(y, found.high):g}"
            for size, found in zip(line.x, line.y, strict=True)
            if found.low is not None and found.high is not None
        ]
        marks.append(element("path", class_=f"bars {colour}", d="".join(bars)))
        marks += [element("circle", class_=f"point {colour}", cx=px, cy=py, r=4) for px, py in dots]
        series.append({"name": name_text(line.name), "colour": colour, "x": line.x, "y": [one.value for one in line.y]})
    chart = charts.lines(series, x, y, section.x_name)
    laws = "; ".join(f"{name_text(line.name)}: {line.law}" for line in section.lines if line.law)
    label = f"{section.title}: {section.y_name} by {section.x_name}. {laws}".strip()
    return plot(x, y, (section.x_name, section.y_name), *marks, label=label, chart=chart)


def parity(section: Parity, charts: Charts, colour: str) -> Markup:
    """Measured (across) against predicted (up), the diagonal, and bars of uncertainty."""
    values = [*section.measured, *section.predicted]
    x, y = horizontal(values), vertical(values, height=SQUARE)
    marks = [element("line", class_="ideal", x1=x(x.low), y1=y(x.low), x2=x(x.high), y2=y(x.high))]
    if section.low:
        bars = [
            f"M{x(true):g} {_inside(y, low):g}V{_inside(y, high):g}"
            for true, low, high in zip(section.measured, section.low, section.high, strict=True)
        ]
        marks.append(element("path", class_=f"bars {colour}", d="".join(bars)))
    bounds = section.bounds or (0,) * len(section.measured)
    marks += [
        element("circle", class_=f"point {colour}", cx=x(true), cy=y(predicted), r=4)
        for true, predicted in zip(section.measured, section.predicted, strict=True)
    ]
    if section.bounds:  # arrows towards the side on which the truth lies
        arrows = [
            f"M{x(true):g} {y(predicted):g}h{11 * bound}m{-4 * bound} -3l{4 * bound} 3l{-4 * bound} 3"
            for true, predicted, bound in zip(section.measured, section.predicted, bounds, strict=True)
            if bound
        ]
        marks.append(element("path", class_=f"censored {colour}", d="".join(arrows)))
    texts: list[list[Any]] = [
        ["measured", [measured_text(value, bound) for value, bound in zip(section.measured, bounds, strict=True)]],
        ["predicted", [number(value) for value in section.predicted]],
    ]
    if section.low:
        pairs = zip(section.low, section.high, strict=True)
        texts.append([section.bars or "interval", [bounds_text(Estimate(low, low, high)) for low, high in pairs]])
    chart = charts.add(kind="points", molecules=section.molecules, fields=texts, unit=section.unit)
    unit = f" ({section.unit})" if section.unit else ""
    what = f"Measured against predicted {name_text(section.task)}"
    label = f"{what} of {section.total:,} values ({section.part}) by {name_text(section.model)}."
    return plot(x, y, (f"measured{unit}", f"predicted{unit}"), *marks, label=label, chart=chart)


def roc(section: BinaryCurves, charts: Charts, colours: Mapping[str, str]) -> Markup:
    """True against false positive rate."""
    ideal = [(0.0, 0.0), (1.0, 1.0)]
    return _rates(
        section.roc,
        charts,
        colours,
        "false positive rate",
        "true positive rate",
        ideal,
        f"ROC curves of {section.task}",
    )


def precision_recall(section: BinaryCurves, charts: Charts, colours: Mapping[str, str]) -> Markup:
    """Precision against recall; the dotted line is the share of positives."""
    share = section.positives / max(1, section.positives + section.negatives)
    name = f"Precision-recall curves of {section.task}"
    return _rates(section.precision_recall, charts, colours, "recall", "precision", [(0.0, share), (1.0, share)], name)


def reliability(section: Reliability, charts: Charts, colour: str) -> Markup:
    """Observed frequency against predicted probability; larger dots hold more items."""
    x, y = unit_scales()
    points = [(x(px), y(py)) for px, py in zip(section.predicted, section.observed, strict=True)]
    most = max(section.count, default=1) or 1
    marks = [
        element("line", class_="ideal", x1=x(0), y1=y(0), x2=x(1), y2=y(1)),
        element("path", class_=f"curve valid {colour}", d=path(points)),
        *(
            element("circle", class_=f"point {colour}", cx=px, cy=py, r=round(3 + 5 * math.sqrt(count / most), 1))
            for (px, py), count in zip(points, section.count, strict=True)
        ),
    ]
    chart = charts.add(
        kind="points",
        molecules=[],
        fields=[
            ["mean predicted", [number(value) for value in section.predicted]],
            ["observed", [number(value) for value in section.observed]],
            ["how many", [f"{count:,}" for count in section.count]],
        ],
        unit="",
    )
    label = f"Reliability of {name_text(section.model)} on {name_text(section.task)}: observed frequency by predicted probability."
    return plot(x, y, ("predicted probability", "observed frequency"), *marks, label=label, chart=chart)


def coverage(section: Coverage, charts: Charts, colour: str) -> Markup:
    """Share of the measurements inside their intervals, against the nominal share."""
    x, y = unit_scales()
    points = [(x(px), y(py)) for px, py in zip(section.wanted, section.reached, strict=True)]
    marks = [
        element("line", class_="ideal", x1=x(0), y1=y(0), x2=x(1), y2=y(1)),
        element("path", class_=f"curve valid {colour}", d=path(points)),
    ]
    if section.used is not None and section.used_reached is not None:
        marks += [
            element("line", class_="used", x1=x(section.used), y1=y(0), x2=x(section.used), y2=y(section.used_reached)),
            element("circle", class_=f"best {colour}", cx=x(section.used), cy=y(section.used_reached), r=5.5),
        ]
    series = [
        {"name": "observed", "colour": colour, "x": section.wanted, "y": section.reached},
        {"name": "nominal", "colour": "muted", "x": section.wanted, "y": section.wanted},
    ]
    chart = charts.lines(series, x, y, "nominal")
    label = f"Coverage of the intervals of {name_text(section.model)} on {name_text(section.task)}: observed against nominal."
    return plot(x, y, ("nominal coverage", "observed coverage"), *marks, label=label, chart=chart)


def histogram(section: Histogram, label: str) -> Markup:
    """Small bars, with the ends of the range or the names of the classes below."""
    width, height = 220.0, 60.0
    most = max(section.counts, default=0) or 1
    step = width / max(1, len(section.counts))
    bars = [
        element(
            "rect",
            element("title", f"{_bin(section, place)}: {count:,}"),
            class_="bar",
            x=round(place * step + 0.5, 1),
            y=round(height * (1 - count / most), 1),
            width=round(step - 1, 1),
            height=round(height * count / most, 1),
            rx=1,
        )
        for place, count in enumerate(section.counts)
    ]
    names = section.names if section.names else (plain(section.edges[0], 3), plain(section.edges[-1], 3))
    ends = [element("span", name) for name in names] if len(names) <= 12 else []
    drawn = svg(element("g", bars), label=label, width=width, height=height)
    return join([drawn, element("div", ends, class_="ends names" if section.names else "ends", aria_hidden="true")])


def embedding_map(section: EmbeddingMap, charts: Charts) -> Markup:
    """One dot for each item, coloured by the first colouring; the page's script recolours, zooms and finds."""
    x, y, height = _map_scales(section)
    classes = colour_classes(section.colourings[0]) if section.colourings else ["s0"] * len(section.x)
    dots = [
        element("circle", class_=f"dot {classes[place]}", cx=x(px), cy=y(py), r=5)
        for place, (px, py) in enumerate(zip(section.x, section.y, strict=True))
    ]
    chart = charts.add(
        kind="map",
        molecules=section.molecules,
        width=MAP_SIZE,
        height=height,
        colourings=[
            {
                "name": name_text(colouring.name),
                "unit": colouring.unit,
                "categories": colouring.categories,
                "range": [number(bound) for bound in value_range(colouring)],
                "classes": colour_classes(colouring),
                "texts": [value_of(colouring, place) for place in range(len(section.x))],
            }
            for colouring in section.colourings
        ],
    )
    label = f"{section.title}: map of {len(section.x)} dots. Arrow keys go from dot to dot."
    return svg(element("g", dots, class_="zoomed"), label=label, chart=chart, width=MAP_SIZE, height=height)


def _map_scales(section: EmbeddingMap) -> tuple[Scale, Scale, int]:
    """Scales with one length for both directions, and a height that leaves little empty."""
    low_x, high_x = min(section.x, default=0.0), max(section.x, default=0.0)
    low_y, high_y = min(section.y, default=0.0), max(section.y, default=0.0)
    margin = 24
    inner = MAP_SIZE - 2 * margin
    half = max(high_x - low_x, high_y - low_y, 1e-9) / 2
    height = round(max(0.6 * MAP_SIZE, inner * (high_y - low_y) / (2 * half) + 2 * margin))
    x, y = (low_x + high_x) / 2, (low_y + high_y) / 2
    share = half * (height - 2 * margin) / inner
    return (
        Scale(x - half, x + half, margin, MAP_SIZE - margin),
        Scale(y - share, y + share, height - margin, margin),
        height,
    )


def value_range(colouring: Colouring) -> tuple[float | None, float | None]:
    """Ends of a continuous colour scale: the 2nd and 98th percentile, so that one outlier does not grey the rest."""
    known = sorted(value for value in colouring.values if value is not None)
    if not known:
        return None, None
    return known[int(0.02 * (len(known) - 1))], known[math.ceil(0.98 * (len(known) - 1))]


def colour_classes(colouring: Colouring) -> list[str]:
    """Class of each dot: s0, s1, ... for categories, r0, r1, ... along the ramp, "none" where nothing was measured."""
    if colouring.categories:
        return ["none" if value is None else f"s{int(value) % 8}" for value in colouring.values]
    low, high = value_range(colouring)
    classes = []
    for value in colouring.values:
        if value is None or low is None or high is None:
            classes.append("none")
        else:
            share = (value - low) / (high - low) if high > low else 0.5
            classes.append(f"r{min(RAMP - 1, max(0, int(share * RAMP)))}")
    return classes


def value_of(colouring: Colouring, place: int) -> str:
    """One molecule's value in words."""
    value = colouring.values[place]
    if value is None:
        return "not measured"
    return colouring.categories[int(value)] if colouring.categories else plain(value)


def _rates(
    lines: Sequence[Line],
    charts: Charts,
    colours: Mapping[str, str],
    x_name: str,
    y_name: str,
    ideal: list[tuple[float, float]],
    label: str,
) -> Markup:
    x, y = unit_scales()
    (x1, y1), (x2, y2) = ideal
    marks = [element("line", class_="ideal", x1=x(x1), y1=y(y1), x2=x(x2), y2=y(y2))]
    series: list[dict[str, Any]] = []
    for line in reversed(lines):  # the first model lies on top
        colour = colours.get(line.name, "s0")
        points = [(x(px), y(py)) for px, py in zip(line.x, line.y, strict=True)]
        marks.append(element("path", class_=f"curve valid {colour}", d=path(points)))
        series.insert(0, {"name": name_text(line.name), "colour": colour, "x": line.x, "y": line.y})
    chart = charts.lines(series, x, y, x_name)
    areas = "; ".join(f"{name_text(line.name)} {estimate_text(line.area)}" for line in lines if line.area)
    return plot(x, y, (x_name, y_name), *marks, label=f"{label}. {areas}".strip(), chart=chart)


def _inside(scale: Scale, value: float) -> float:
    return scale(min(max(value, scale.low), scale.high))


def _bin(section: Histogram, place: int) -> str:
    if section.names:
        return f"class {section.names[place]}"
    return f"{number(section.edges[place])} to {number(section.edges[place + 1])}"

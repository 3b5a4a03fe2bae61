"""The frame of a plot: scales, round ticks, grid, names. Colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hooke.report.markup import Markup, element
from hooke.report.wording import decimals, number

WIDTH, HEIGHT, SQUARE = 420, 300, 396
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 14, 48


@dataclass(frozen=True)
class Scale:
    """From values `low` ... `high` to pixels `start` ... `end`, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def around(
        cls, values: Iterable[float | None], start: float, end: float, *, margin: float = 0.05, log: bool = False
    ) -> Scale:
        """A scale that shows all of the values, with a margin; a single value gets room on both sides."""
        known = [value for value in values if value is not None and math.isfinite(value) and (value > 0 or not log)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if log and known:
            spread = max((high / low) ** margin, 1.02)
            return cls(low / spread, high * spread, start, end, log)
        spread = (high - low) * margin or abs(high) * 0.1 or 1.0
        return cls(low - spread, high + spread, start, end)

    def __call__(self, value: float) -> float:
        """The pixel of a value, to a tenth."""
        if self.log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, count: int = 5) -> list[tuple[float, str]]:
        """Round values within the scale, about `count` of them, and their texts."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1,) if self.high / self.low > 1e3 else (1, 2, 5)
            values = [step * 10.0**power for power in powers for step in steps]
            values = [value for value in values if self.low <= value <= self.high]
            if len(values) >= 2:
                return [(value, number(value, 1)) for value in values]
        raw = (self.high - self.low) / count
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * nice for nice in (1, 2, 2.5, 5, 10) if size * nice >= raw * 0.999)
        places = max(0, -math.floor(math.log10(step) + 1e-9) + (1 if round(step / size, 3) == 2.5 else 0))
        first = math.ceil(self.low / step - 1e-9)
        values = [first * step + k * step for k in range(int((self.high - first * step) / step + 1e-9) + 1)]
        if max(abs(self.low), abs(self.high)) >= 1e6 or places > 5:
            return [(value, number(value, 2)) for value in values]
        return [(value, decimals(value, places)) for value in values]


def horizontal(values: Iterable[float | None], *, margin: float = 0.05, log: bool = False, width: int = WIDTH) -> Scale:
    """A scale across the plot."""
    return Scale.around(values, LEFT, width - RIGHT, margin=margin, log=log)


def vertical(values: Iterable[float | None], *, margin: float = 0.05, log: bool = False, height: int = HEIGHT) -> Scale:
    """A scale up the plot."""
    return Scale.around(values, height - BOTTOM, TOP, margin=margin, log=log)


def unit_scales() -> tuple[Scale, Scale]:
    """Both axes from 0 to 1, in a square."""
    return Scale(-0.02, 1.02, LEFT, WIDTH - RIGHT), Scale(-0.02, 1.02, SQUARE - BOTTOM, TOP)


def plot(x: Scale, y: Scale, names: tuple[str, str], *marks: Markup, label: str, chart: str) -> Markup:
    """Marks in their frame: grid lines, tick texts and the names of the axes."""
    left, right, top, bottom = x.start, x.end, y.end, y.start
    parts = []
    for value, text in y.ticks():
        parts.append(element("line", class_="grid", x1=left, x2=right, y1=y(value), y2=y(value)))
        parts.append(element("text", text, class_="tick end", x=left - 8, y=y(value) + 4))
    for value, text in x.ticks(6):
        parts.append(element("line", class_="grid", x1=x(value), x2=x(value), y1=top, y2=bottom))
        parts.append(element("text", text, class_="tick mid", x=x(value), y=bottom + 18))
    parts.append(element("text", names[0], class_="axis mid", x=(left + right) / 2, y=bottom + 40))
    parts.append(
        element("text", names[1], class_="axis mid", transform=f"translate(13 {(top + bottom) / 2:g}) rotate(-90)")
    )
    return svg(*parts, *marks, label=label, chart=chart, width=right + RIGHT, height=bottom + BOTTOM)


def path(points: Sequence[tuple[float, float]]) -> str:
    """The "d" of a line through points; NaN breaks it."""
    parts, pen = [], "M"
    for x, y in points:
        if math.isnan(y):
            pen = "M"
            continue
        parts.append(f"{pen}{x:g} {y:g}")
        pen = "L"
    return "".join(parts)


def svg(*children: Markup, label: str, chart: str = "", width: float, height: float) -> Markup:
    """An image that scales with its column. `label`: what it shows, in words; `chart`: name of its data."""
    return element(
        "svg",
        children,
        class_="plot",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        data_chart=chart or None,
        tabindex="0" if chart else None,
    )

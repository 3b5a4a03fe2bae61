"""Small drawings inside cards and tables: molecules, and values with their intervals on a line."""

from __future__ import annotations

from collections.abc import Sequence

from hooke.report.markup import Markup, element
from hooke.report.schema import Drawing, Estimate


def structure(
    drawing: Drawing, label: str, *, under: Sequence[Markup] = (), pad: int = 4, scale: float = 0.75
) -> Markup:
    """A molecule. The page's style sheet gives the elements their colours.

    Args:
        drawing: Its strokes.
        label: Read aloud.
        under: Marks below the strokes, in the drawing's units.
        pad: Units around the drawing.
        scale: Pixels of a unit, at most.
    """
    marks = list(under)
    marks += [element("path", class_=f"pen {_element(name)}", d=d) for name, d in drawing.lines]
    marks += [element("path", class_=f"wedge {_element(name)}", d=d) for name, d in drawing.fills]
    marks += [
        element("text", letters, class_=f"atom {_element(name)}", x=x, y=y, font_size=size)
        for x, y, size, name, letters in drawing.texts
    ]
    box = f"{-pad} {-pad} {drawing.width + 2 * pad} {drawing.height + 2 * pad}"
    width = f"max-width:{round((drawing.width + 2 * pad) * scale + 2)}px"
    return element("svg", marks, class_="structure", viewBox=box, role="img", aria_label=label, style=width)


def track(
    found: Estimate,
    scale: tuple[float, float],
    colour: str,
    *,
    repeats: Sequence[float | None] = (),
    truth: float | None = None,
    zero: bool = False,
) -> Markup:
    """A value with its interval on a line, in percent of its width: fits any column."""
    low, high = scale

    def percent(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - low) / (high - low) if high > low else 0.5)), 2)

    marks = []
    if zero:
        marks.append(element("i", class_="zero", style=f"left:{percent(0)}%"))
    if found.low is not None and found.high is not None:
        start, end = percent(found.low), percent(found.high)
        marks.append(element("i", class_=f"range {colour}", style=f"left:{start}%;width:{round(end - start, 2)}%"))
    marks += [
        element("i", class_=f"repeat {colour}", style=f"left:{percent(one)}%") for one in repeats if one is not None
    ]
    if truth is not None:
        marks.append(element("i", class_="truth", style=f"left:{percent(truth)}%"))
    if found.value is not None:
        marks.append(element("b", class_=f"mark {colour}", style=f"left:{percent(found.value)}%"))
    return element("span", marks, class_="track", aria_hidden="true")


def track_scale(found: Sequence[Estimate], *more: float | None, zero: bool = False) -> tuple[float, float]:
    """A scale for tracks below each other, with a margin."""
    values = [value for one in found for value in (one.value, one.low, one.high) if value is not None]
    values += [value for value in more if value is not None] + ([0.0] if zero else [])
    if not values:
        return 0.0, 1.0
    margin = (max(values) - min(values)) * 0.06 or abs(values[0]) * 0.1 or 1.0
    return min(values) - margin, max(values) + margin


def _element(name: str) -> str:
    """Style class of an element; whatever is not known is drawn as carbon."""
    return f"e{name}" if name in ("N", "O", "F", "S", "P", "Cl", "Br", "I") else "eC"

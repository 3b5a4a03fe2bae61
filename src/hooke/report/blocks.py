"""What the sections of the page are made of, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hooke.report import marks, plots
from hooke.report.markup import Child, Markup, element, join
from hooke.report.schema import Report
from hooke.report.tables import definitions

MODEL_COLOURS, BASELINE_COLOURS = ("s0", "s1", "s5", "s6"), ("s2", "s3", "s4", "s7")


@dataclass(frozen=True)
class Page:
    """What the sections share: the report, the numbers behind its plots, and one colour for each model."""

    report: Report
    charts: plots.Charts
    colours: Mapping[str, str]

    def colour(self, model: str) -> str:
        """Class of a model's colour."""
        return self.colours.get(model, "s0")

    def structure(self, molecule: int) -> Markup:
        """A molecule's drawing, or its SMILES where there is none."""
        found = self.report.molecules[molecule]
        label = found.name or found.smiles
        if found.drawing is None:
            return element("span", "no drawing", class_="undrawn")
        return marks.structure(found.drawing, label)


def model_colours(report: Report) -> dict[str, str]:
    """Model -> colour class, the same everywhere in the report; baselines have the quieter colours."""
    baselines = [name for section in report.results for name in section.baselines]
    names = [name for section in report.results for name in section.models]
    for shown in (report.parity, report.reliability, report.coverage, report.galleries):
        names += [one.model for one in shown]
    names += [line.name for section in report.binary for line in section.roc]
    colours: dict[str, str] = {}
    for wanted, palette in ((False, MODEL_COLOURS), (True, BASELINE_COLOURS)):
        group = [name for name in dict.fromkeys(names) if (name in baselines) == wanted]
        colours |= {name: palette[place % len(palette)] for place, name in enumerate(group)}
    return colours


def section(name: str, title: str, text: str, *parts: Child) -> Markup | None:
    """A section with its heading and one sentence of what it shows; None when there is nothing in it."""
    content = join(parts)
    if not content:
        return None
    head = element("header", element("h2", title, id=f"{name}-title"), element("p", text) if text else None)
    return element("section", head, content, id=name, aria_labelledby=f"{name}-title")


def grid(figures: Sequence[Markup], class_: str = "") -> Markup | None:
    """Figures side by side, as many as fit."""
    return element("div", figures, class_=f"grid {class_}".strip()) if figures else None


def figure(
    title: str,
    plot: Markup,
    remark: str = "",
    *,
    legend: Sequence[tuple[str, str, str]] = (),
    scores: Sequence[tuple[str, str]] = (),
) -> Markup:
    """A plot with its title.

    Args:
        title: Above it.
        plot: The plot.
        remark: Below it.
        legend: (name, colour class, number) of each line.
        scores: (name, value) of numbers shown above the plot.
    """
    key = [
        element("li", element("i", class_=f"swatch {colour}"), name, element("small", value) if value else None)
        for name, colour, value in legend
    ]
    return element(
        "figure",
        element("figcaption", title),
        definitions(scores, class_="scores") if scores else None,
        plot,
        element("ul", key, class_="legend") if key else None,
        note(remark),
        class_="card",
    )


def note(text: str) -> Markup | None:
    """A small remark below something."""
    return element("p", text, class_="note") if text else None


def sentence(*parts: str) -> str:
    """Parts as sentences: "Test molecules. Split: random.\""""
    texts = [part.strip().rstrip(".") for part in parts if part.strip()]
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in texts)

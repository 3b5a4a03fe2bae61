"""A page that says why a response is predicted: the chain of claims with verdicts, who adds what, pathways, predicted against measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hooke.report import axes
from hooke.report.blocks import figure, grid, section
from hooke.report.html import ICON
from hooke.report.markup import Markup, element
from hooke.report.tables import Cell, Column, definitions, table
from hooke.report.wording import number, percent

_POINTS = 4_000  # drawn of a scatter
_RADIUS, _WIDTH, _HEIGHT = 150, 560, 420
_SCATTER = 440
_STYLE = (
    ".supported{color:#1a7f37;font-weight:600}.falsified{color:#c4321c;font-weight:600}.untestable{color:var(--soft)}"
    "line.edge{stroke:var(--ink);opacity:.55}line.path{stroke:var(--ink);opacity:.35;stroke-dasharray:4 4}"
    "circle.adds{fill:#0b7a75}circle.takes{fill:#c4321c}circle.asked{fill:var(--ink)}"
    "circle.readout{fill:#0b7a75;opacity:.35}line.same{stroke:var(--soft);stroke-dasharray:4 4}"
    "svg text.name{font:12px system-ui,sans-serif;fill:var(--ink)}.page.single{display:block}"
    "th.statement{min-width:11rem}td.evidence{min-width:14rem}"
)


class Explained(Protocol):
    """See `hooke.workflows.response_explain.ResponseExplanation`."""

    @property
    def perturbation(self) -> str:
        """What was asked."""

    @property
    def context(self) -> str:
        """Where."""

    @property
    def kind(self) -> str:
        """Of question."""

    @property
    def model(self) -> str:
        """That is explained."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known."""

    @property
    def predicted(self) -> np.ndarray:
        """(g,) changes."""

    @property
    def measured(self) -> np.ndarray | None:
        """(g,) or None."""

    @property
    def genes(self) -> tuple[str, ...]:
        """(g,) read-outs."""

    @property
    def r(self) -> float:
        """Of both."""

    @property
    def ceiling(self) -> float:
        """Of disjoint halves."""

    @property
    def fidelity(self) -> float:
        """Of the explanation to the model."""

    @property
    def neighbours(self) -> Sequence[Any]:
        """Training perturbations."""

    @property
    def edges(self) -> Any:
        """Of a network's graph, see `hooke.workflows.response_edges.EdgeAttribution`; None of models in closed form."""

    @property
    def pathways(self) -> Sequence[Any]:
        """Sets of genes."""

    @property
    def claims(self) -> Sequence[Any]:
        """The chain."""

    def verdicts(self) -> dict[str, int]:
        """Verdict → claims."""


def page(explanation: Explained) -> str:
    """The whole page."""
    title = f"Why {explanation.perturbation}" + (f" in {explanation.context}" if explanation.context else "")
    style = resources.files("hooke.report").joinpath("page.css").read_text(encoding="utf-8") + _STYLE
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'",
        ),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="Hooke"),
        element("link", rel="icon", href=ICON),
        element("title", title),
        element("style", Markup(style)),
    )
    main = element(
        "main",
        _summary(title, explanation),
        _chain(explanation),
        _edges(explanation),
        _neighbours(explanation),
        _pathways(explanation),
        _changes(explanation),
    )
    body = element(
        "body",
        element(
            "header", element("span", "hooke", class_="brand"), element("span", title, class_="where"), class_="bar"
        ),
        element("div", main, class_="page single"),
        element("footer", element("p", "Made by hooke response explain. This file needs no network.")),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def write_page(explanation: Explained, path: Path) -> Path:
    """Write the page; after a crash it is either the old file or the new one."""
    from hooke.core.files import write_durably

    write_durably(Path(path), page(explanation).encode(errors="replace"))
    return Path(path)


def _summary(title: str, explanation: Explained) -> Markup:
    keys = [
        (number(explanation.r), "r, predicted against measured"),
        (number(explanation.ceiling), "r of disjoint halves of the measurement"),
        *((str(count), f"claims {name}") for name, count in explanation.verdicts().items()),
    ]
    facts = [("model", explanation.model), ("question", explanation.kind)]
    if math.isfinite(explanation.fidelity):
        moved = f"without the top quarter of neighbours it moves {number(explanation.fidelity)} x as far as without a random one"
        facts.append(("prediction", moved))
    if explanation.edges is not None and math.isfinite(explanation.edges.fidelity):
        moved = f"without the top quarter of edges it moves {number(explanation.edges.fidelity)} x as far as without a random one"
        facts.append(("network", moved))
    notes = (
        element("ul", [element("li", note) for note in explanation.notes], class_="caveats")
        if explanation.notes
        else None
    )
    return element(
        "section",
        element("header", element("h1", title, id="summary-title")),
        element(
            "dl", [element("div", element("dt", name), element("dd", value)) for value, name in keys], class_="keys"
        ),
        definitions(facts, class_="facts"),
        notes,
        id="summary",
    )


def _chain(explanation: Explained) -> Markup | None:
    columns = [
        Column("claim"),
        Column("kind"),
        Column("verdict"),
        Column("q", numeric=True),
        Column("evidence"),
        Column("verified by"),
    ]
    rows = [
        [
            Cell(each.statement, class_="statement"), Cell(each.type), Cell(each.verdict, class_=each.verdict), Cell(number(each.q), each.q),
            Cell(each.evidence, class_="evidence"), Cell(each.verifier, class_="evidence"),
        ] for each in explanation.claims
    ]  # fmt: skip
    text = (
        "What the prediction claims, and what of it the measurements support. q: false-discovery rate within claims of one kind; untestable: "
        "nothing was measured, or the measurement does not tell the claim from chance."
    )
    return section("claims", "Chain of claims", text, table("Claims", columns, rows)) if rows else None


def _edges(explanation: Explained) -> Markup | None:
    found = explanation.edges
    if found is None or not found.edges:
        return None
    columns = [
        Column("edge"), Column("contribution", numeric=True), Column("lost without it", numeric=True), Column("sources"),
    ]  # fmt: skip
    rows = [
        [
            Cell(f"{each.first} – {each.second}"), Cell(percent(each.contribution, 1), each.contribution),
            Cell(percent(each.lost, 1), each.lost), Cell(", ".join(each.sources)),
        ] for each in found.edges
    ]  # fmt: skip
    text = (
        "Shares of the prediction by integrated gradients over gates of the edges: all edges together add "
        f"{percent(found.total, 1)} (closing all of them changes {percent(found.difference, 1)}), the rest is said without any edge. "
        "Weights of attention are not read."
    )
    return section("edges", "Edges of the graph", text, table("Edges by their contribution", columns, rows))


def _neighbours(explanation: Explained) -> Markup | None:
    if not explanation.neighbours:
        return None
    columns = [
        Column("perturbation"), Column("share of the prediction", numeric=True), Column("measured similarity", numeric=True),
        Column("through the graph"),
        Column("sources"),
    ]  # fmt: skip
    rows = [
        [
            Cell(each.perturbation), Cell(percent(each.share, 1), each.share), Cell(number(each.similarity), each.similarity),
            Cell(" – ".join(each.path) or "no path of three edges"), Cell(", ".join(each.sources) or "–"),
        ] for each in explanation.neighbours
    ]  # fmt: skip
    return section(
        "neighbours", "Who adds what", "The prediction is an exact sum over training perturbations; shares of all of them add up to one.",
        grid([figure("Neighbourhood", _drawing(explanation), "Width: share of the prediction; dashed: through other genes; red takes away.")]),
        table("Training perturbations by their share", columns, rows),
    )  # fmt: skip


def _drawing(explanation: Explained) -> Markup:
    middle, half = _WIDTH / 2, _HEIGHT / 2
    largest = max(abs(each.share) for each in explanation.neighbours) or 1.0
    lines, dots = [], []
    for place, each in enumerate(explanation.neighbours):
        angle = 2 * math.pi * place / len(explanation.neighbours) - math.pi / 2
        x, y = middle + _RADIUS * math.cos(angle), half + _RADIUS * math.sin(angle)
        strength = abs(each.share) / largest
        lines.append(
            element(
                "line", class_="edge" if len(each.path) == 2 else "path", x1=middle, y1=half, x2=f"{x:.1f}", y2=f"{y:.1f}",
                stroke_width=f"{1 + 7 * strength:.1f}",
            )
        )  # fmt: skip
        dots.append(
            element(
                "circle",
                class_="adds" if each.share > 0 else "takes",
                cx=f"{x:.1f}",
                cy=f"{y:.1f}",
                r=f"{4 + 5 * strength:.1f}",
            )
        )
        anchor = "middle" if abs(math.cos(angle)) < 0.3 else "start" if math.cos(angle) > 0 else "end"
        dots.append(
            element(
                "text", each.perturbation, class_="name", x=f"{x + 12 * math.cos(angle):.1f}", y=f"{y + 16 * math.sin(angle) + 4:.1f}",
                text_anchor=anchor,
            )
        )  # fmt: skip
    centre = [
        element("circle", class_="asked", cx=middle, cy=half, r=8),
        element("text", explanation.perturbation, class_="name", x=middle, y=half - 14, text_anchor="middle"),
    ]
    return axes.svg(
        *lines, *dots, *centre, label=f"Neighbourhood of {explanation.perturbation}", width=_WIDTH, height=_HEIGHT
    )


def _pathways(explanation: Explained) -> Markup | None:
    columns = [
        Column("pathway"), Column("genes", numeric=True), Column("predicted z", numeric=True), Column("q", numeric=True),
        Column("measured z", numeric=True), Column("q", numeric=True),
    ]  # fmt: skip
    rows = [
        [
            Cell(each.name), Cell(str(each.size), each.size), Cell(number(each.predicted), each.predicted),
            Cell(number(each.predicted_q), each.predicted_q),
            Cell(number(each.measured), each.measured), Cell(number(each.measured_q), each.measured_q),
        ] for each in explanation.pathways
    ]  # fmt: skip
    text = "Rank sums of the changes of their genes against all others; z above zero where they go up. q over all pathways."
    return section("pathways", "Pathways", text, table("Pathways", columns, rows)) if rows else None


def _changes(explanation: Explained) -> Markup | None:
    if explanation.measured is None:
        return None
    known = np.flatnonzero(~np.isnan(explanation.measured) & ~np.isnan(explanation.predicted))
    kept = known[np.argsort(-np.abs(explanation.measured[known]), kind="stable")[:_POINTS]]
    predicted, measured = explanation.predicted[kept], explanation.measured[kept]
    x = axes.horizontal(predicted.tolist(), width=_SCATTER)
    y = axes.vertical(measured.tolist(), height=_SCATTER)
    low, high = max(predicted.min(), measured.min()), min(predicted.max(), measured.max())
    same = element(
        "line", class_="same", x1=f"{x(low):.1f}", y1=f"{y(low):.1f}", x2=f"{x(high):.1f}", y2=f"{y(high):.1f}"
    )
    dots = [
        element("circle", class_="readout", cx=f"{x(a):.1f}", cy=f"{y(b):.1f}", r=2.5)
        for a, b in zip(predicted.tolist(), measured.tolist(), strict=True)
    ]
    drawn = axes.plot(
        x, y, ("predicted change", "measured change"), same, *dots, label="Predicted against measured changes", chart=""
    )
    remark = (
        f"{len(kept):,} of {len(known):,} read-outs, those of the largest measured change"
        if len(kept) < len(known)
        else f"{len(known):,} read-outs"
    )
    return section("changes", "Predicted and measured", "", grid([figure("Changes", drawn, remark)]))

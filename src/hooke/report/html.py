"""report.json to report.html: one file that needs no network, follows the dark or light theme, and prints.

The page is written here as plain HTML and SVG, so that it reads without its script; the script (page.js) adds sorting,
search, the structures under the pointer, and the map's colours and zoom. Texts from the report are escaped where they
are written, and the page's security policy lets only this one script run and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path

from hooke.core.json_text import json_text
from hooke.report import sections
from hooke.report.blocks import Page, model_colours
from hooke.report.markup import Markup, element, join
from hooke.report.plots import Charts
from hooke.report.schema import Molecule, Report

SPRING = "M2 12h3l2-6 3 12 3-12 3 12 3-12 2 6h3"  # Hooke's other namesake
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 26 24'%3E"
    f"%3Cpath fill='none' stroke='%230b7a75' stroke-width='2.4' stroke-linejoin='round' d='{SPRING}'/%3E%3C/svg%3E"
)


def write_report(report_json: Path, out: Path) -> Path:
    """Write report.html from report.json; after a crash it is either the old file or the new one.

    Args:
        report_json: What `Report.write` wrote.
        out: The HTML file.

    Returns:
        `out`.

    Raises:
        DataError: report.json is missing, damaged, or from a newer version.
    """
    from hooke.core.files import write_durably

    out = Path(out)
    text = render(Report.read(report_json))
    write_durably(out, text.encode(errors="replace"))
    return out


def render(report: Report) -> str:
    """The whole page."""
    charts = Charts()
    page = Page(report, charts, model_colours(report))
    drawn = [("summary", "Summary", sections.summary(page))]
    for title, make in sections.SECTIONS:
        content = make(page)
        if content is not None:
            drawn.append((_anchor(content), title, content))
    script, style = _asset("page.js"), _asset("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="Hooke"),
        element("link", rel="icon", href=ICON),
        element("title", report.title),
        element("style", Markup(style)),
    )
    links = [element("li", element("a", title, href=f"#{name}")) for name, title, _ in drawn]
    body = element(
        "body",
        element("a", "Skip to the results", class_="skip", href="#summary"),
        element(
            "header",
            element("span", _spring(), "hooke", class_="brand"),
            element("span", report.title, class_="where"),
            element("span", class_="tools"),
            class_="bar",
        ),
        element(
            "div",
            element("nav", element("ol", links), class_="contents", aria_label="Sections"),
            element("main", [content for _, _, content in drawn]),
            class_="page",
        ),
        element("footer", element("p", "Made by Hooke from report.json. This file needs no network.")),
        element("div", id="tip", role="status", aria_live="polite", hidden=True),
        element(
            "script",
            _embedded({"molecules": [_compact(one) for one in report.molecules], "charts": charts.data}),
            type="application/json",
            id="numbers",
        ),
        element("script", Markup(script)),
    )
    return "<!doctype html>\n" + join([element("html", head, body, lang="en")]) + "\n"


def _embedded(value: object) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json_text(value, compact=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _compact(molecule: Molecule) -> list[object]:
    """A molecule for the page's script: SMILES, name, drawing."""
    drawing = molecule.drawing
    if drawing is None:
        return [molecule.smiles, molecule.name]
    return [molecule.smiles, molecule.name, drawing.width, drawing.height, drawing.lines, drawing.fills, drawing.texts]


def _asset(name: str) -> str:
    return resources.files("hooke.report").joinpath(name).read_text(encoding="utf-8")


def _anchor(section: Markup) -> str:
    """The name that a section's links go to."""
    return section.split('id="', 1)[1].split('"', 1)[0]


def _spring() -> Markup:
    return element("svg", element("path", d=SPRING), class_="spring", viewBox="0 0 26 24", aria_hidden="true")

"""A page that shows what each atom added to a prediction: red raises it, blue lowers it, pale is little."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np

from hooke.report.drawing import draw_with_places
from hooke.report.html import ICON
from hooke.report.marks import structure
from hooke.report.markup import Markup, element
from hooke.report.wording import plain, signed

_RADIUS = 19  # of an atom's disc, in the drawing's units: a bond is 50
_CLIPPED = 0.98  # quantile of the absolute values of all atoms where the colour scale ends
_STRONGEST = 0.72  # opacity of a disc: the letter on it stays legible
_WIDE = 30  # atoms from which a card takes two columns
_STYLE = (
    ".page.single{display:block}:root{--raises:light-dark(#d63027,#ff6b5e);--lowers:light-dark(#2166ab,#4ea0ee)}"
    ".raises{fill:var(--raises)}.lowers{fill:var(--lowers)}"
    ".molecules{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(21rem,100%),1fr));gap:1rem}"
    ".molecules .card{display:flex;flex-direction:column;gap:.6rem}.molecules figcaption{margin:0;font-weight:400}"
    ".molecules .drawing{flex:1;display:grid;place-items:center;min-height:9rem}.molecules .structure{max-height:24rem}"
    ".molecules .drawing text.atom{fill:var(--ink)}.molecules .drawing .pen{stroke:var(--ink)}"
    ".molecules .drawing .wedge{stroke:var(--ink);fill:var(--ink)}.molecules .more{margin:0;align-self:start}"
    ".scale{width:min(24rem,100%);margin-bottom:1.6rem}.scale .ramp{background:linear-gradient(90deg,"
    "color-mix(in srgb,var(--lowers) 72%,var(--card)),var(--card),color-mix(in srgb,var(--raises) 72%,var(--card)));"
    "border:1px solid var(--line);height:.85rem}.molecules .smiles{max-height:none}"
    "@media(min-width:60rem){.molecules .card.wide{grid-column:span 2}}"
)
# Saves the drawing beside the button as an SVG file that carries its own colours.
_SCRIPT = """"use strict";
const kept = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "font-family", "font-size", "opacity"];
for (const button of document.querySelectorAll("button.more")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const drawn = button.closest("figure").querySelector("svg"), copy = drawn.cloneNode(true);
    const from = drawn.querySelectorAll("*"), to = copy.querySelectorAll("*");
    from.forEach((part, place) => {
      const style = getComputedStyle(part);
      to[place].removeAttribute("class");
      to[place].setAttribute("style", kept.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
    });
    const [, , width, height] = drawn.getAttribute("viewBox").split(" ");
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.removeAttribute("style");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
    link.download = button.dataset.file;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
"""


class Attributed(Protocol):
    """One prediction taken apart; see `hooke.workflows.attribution.Attribution`."""

    @property
    def smiles(self) -> str:
        """The molecule."""

    @property
    def prediction(self) -> float:
        """What was predicted."""

    @property
    def baseline(self) -> float | None:
        """What is predicted of the bare graph; None where atoms were removed."""

    @property
    def atoms(self) -> np.ndarray:
        """(n,) what each atom of the SMILES added."""


def colour_limit(shown: Sequence[Attributed]) -> float:
    """Where the colour scale of all molecules ends: the 98 % quantile of the atoms' absolute values; 1 where all are 0."""
    sizes = np.concatenate([np.abs(one.atoms) for one in shown]) if shown else np.zeros(1)
    return float(np.quantile(sizes, _CLIPPED, method="higher")) or float(sizes.max()) or 1.0


def coloured(smiles: str, atoms: np.ndarray, limit: float) -> Markup:
    """The molecule as SVG, a disc below each atom: red raises, blue lowers, full strength from `limit` on.

    Raises:
        ValueError: The SMILES cannot be parsed, or has another number of atoms.
    """
    drawing, places = draw_with_places(smiles)
    if len(places) != len(atoms):
        raise ValueError(f"{smiles} has {len(places)} atoms, not {len(atoms)}")
    discs = [
        element(
            "g",
            element("title", f"atom {number}: {signed(f'{float(value):+.3g}')}"),
            element(
                "circle",
                class_="raises" if value > 0 else "lowers",
                cx=x,
                cy=y,
                r=_RADIUS,
                fill_opacity=round(_STRONGEST * min(1.0, abs(float(value)) / limit), 3),
            ),
        )
        for number, ((x, y), value) in enumerate(zip(places, atoms, strict=True), start=1)
    ]
    return structure(drawing, smiles, under=discs, pad=_RADIUS + 2, scale=1.2)


def page(title: str, notes: Sequence[str], shown: Sequence[Attributed]) -> str:
    """The whole page.

    Args:
        title: Heading.
        notes: Sentences below it.
        shown: One figure each.
    """
    limit = colour_limit(shown)
    figures = [_figure(number, one, limit) for number, one in enumerate(shown, start=1)]
    style = resources.files("hooke.report").joinpath("page.css").read_text(encoding="utf-8") + _STYLE
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
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
        element("title", title),
        element("style", Markup(style)),
    )
    summary = element("header", element("h1", title), [element("p", note) for note in notes])
    body = element(
        "body",
        element(
            "header", element("span", "hooke", class_="brand"), element("span", title, class_="where"), class_="bar"
        ),
        element(
            "div",
            element(
                "main", element("section", summary, _scale(shown, limit), element("div", figures, class_="molecules"))
            ),
            class_="page single",
        ),
        element("footer", element("p", "Made by Hooke. This file needs no network.")),
        element("script", Markup(_SCRIPT)),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _scale(shown: Sequence[Attributed], limit: float) -> Markup:
    """The legend: one colour scale for all molecules of the page."""
    beyond = any(float(np.abs(one.atoms).max(initial=0.0)) > limit for one in shown)
    low, high = ("≤ ", "≥ ") if beyond else ("", "")
    return element(
        "div",
        element("div", class_="ramp", aria_hidden="true"),
        element(
            "div",
            element("span", f"{low}{plain(-limit)}"),
            element("span", "0"),
            element("span", f"{high}{plain(limit)}"),
            class_="ends",
        ),
        element(
            "p", "Red atoms raise the prediction, blue atoms lower it; one scale for all molecules.", class_="note"
        ),
        class_="scale",
    )


def _figure(number: int, one: Attributed, limit: float) -> Markup:
    drawn = coloured(one.smiles, one.atoms, limit)
    return element(
        "figure",
        element("div", drawn, class_="drawing"),
        _caption(one),
        element("button", "Save SVG", class_="more", type="button", hidden=True, data_file=f"atoms-{number}.svg"),
        class_="card wide" if len(one.atoms) > _WIDE else "card",
    )


def _caption(one: Attributed) -> Markup:
    if one.baseline is None:
        strongest = plain(float(one.atoms[np.abs(one.atoms).argmax()]))
        text = f"{plain(one.prediction)}; the strongest atom adds {strongest}"
    else:
        rest = one.prediction - one.baseline
        text = f"{plain(one.prediction)} = {plain(one.baseline)} (bare graph) {'+' if rest >= 0 else '−'} {plain(abs(rest))} (atoms)"
    return element("figcaption", text, element("code", one.smiles, class_="smiles"))


def write_page(path: Path, title: str, notes: Sequence[str], shown: Sequence[Attributed]) -> Path:
    """Write the page; after a crash it is either the old file or the new one."""
    from hooke.core.files import write_durably

    path = Path(path)
    write_durably(path, page(title, notes, shown).encode(errors="replace"))
    return path

"""A page that shows what each atom added to a prediction: red raises it, blue lowers it, pale is little."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hooke.report.markup import Markup, element
from hooke.report.wording import plain

_SIZE = 320  # pixels of a drawing
_RAISES, _LOWERS = (0.84, 0.19, 0.15), (0.13, 0.40, 0.67)
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222;background:#fff}"
    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem}"
    "figure{margin:0;border:1px solid #ddd;border-radius:.5rem;padding:.75rem}figcaption{overflow-wrap:anywhere}"
    "svg{width:100%;height:auto}.raises{color:#d63027}.lowers{color:#2166ab}"
)


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


def coloured(smiles: str, atoms: np.ndarray) -> str:
    """The molecule as SVG, each atom under a colour as strong as its share of the largest one.

    Raises:
        ValueError: The SMILES has another number of atoms.
    """
    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    options: Any = Chem.SmilesParserParams()
    options.removeHs = False
    molecule = Chem.MolFromSmiles(smiles, options)
    if molecule.GetNumAtoms() != len(atoms):
        raise ValueError(f"{smiles} has {molecule.GetNumAtoms()} atoms, not {len(atoms)}")
    largest = float(np.abs(atoms).max()) or 1.0
    colours = {number: _colour(float(value) / largest) for number, value in enumerate(atoms)}
    canvas = rdMolDraw2D.MolDraw2DSVG(_SIZE, _SIZE)
    rdMolDraw2D.PrepareAndDrawMolecule(
        canvas, molecule, highlightAtoms=list(colours), highlightAtomColors=colours, highlightBonds=[]
    )
    canvas.FinishDrawing()
    text: str = canvas.GetDrawingText()
    return text[text.index("<svg") :]


def _colour(share: float) -> tuple[float, float, float]:
    """White for 0, full red for 1, full blue for -1."""
    red, green, blue = _RAISES if share > 0 else _LOWERS
    strength = abs(share)
    return 1 - strength * (1 - red), 1 - strength * (1 - green), 1 - strength * (1 - blue)


def page(title: str, notes: Sequence[str], shown: Sequence[Attributed]) -> str:
    """The whole page.

    Args:
        title: Heading.
        notes: Sentences below it.
        shown: One figure each.
    """
    figures = [element("figure", Markup(coloured(one.smiles, one.atoms)), _caption(one)) for one in shown]
    key = element(
        "p", "Atoms in ", element("b", "red", class_="raises"), " raise the prediction, those in ",
        element("b", "blue", class_="lowers"), " lower it; colours are relative to the strongest atom of each molecule.",
    )  # fmt: skip
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(_STYLE)),
    )
    body = element("body", element("h1", title), [element("p", note) for note in notes], key, element("main", figures))
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _caption(one: Attributed) -> Markup:
    if one.baseline is None:
        text = (
            f": {plain(one.prediction)}; the strongest atom adds {plain(float(one.atoms[np.abs(one.atoms).argmax()]))}"
        )
        return element("figcaption", element("code", one.smiles), text)
    rest = one.prediction - one.baseline
    text = f": {plain(one.prediction)} = {plain(one.baseline)} (bare graph) {'+' if rest >= 0 else '−'} {plain(abs(rest))} (atoms)"
    return element("figcaption", element("code", one.smiles), text)


def write_page(path: Path, title: str, notes: Sequence[str], shown: Sequence[Attributed]) -> Path:
    """Write the page; after a crash it is either the old file or the new one."""
    from hooke.core.files import write_durably

    path = Path(path)
    write_durably(path, page(title, notes, shown).encode(errors="replace"))
    return path

"""Structure drawings as a few strokes: a thousand of them fit into one page and follow its dark or light theme."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from hooke.report.schema import Drawing, Molecule

MAX_ATOMS = 120  # larger molecules are not drawn: nobody could read them at the size of a card
MAX_SMILES = 2_000  # longer strings are cut where they are shown
_BOND_LENGTH = 50
# Paths without a class are the mitres between bonds; round pen ends do their work.
_PATH = re.compile(r"<path class=[^>]*?d='([^']*)' style='fill:(none|#[0-9A-Fa-f]{6})[^']*?stroke:(#[0-9A-Fa-f]{6})")
_TEXT = re.compile(
    r"<text x='([-\d.]+)' y='([-\d.]+)'[^>]*?font-size:(\d+)px[^>]*?fill:(#[0-9A-Fa-f]{6})[^>]*>([^<]*)</text>"
)
_ESCAPED = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
# RDKit's default colours, read back as the element they stand for. Other elements are drawn as carbon.
_ELEMENTS = {
    "#0000FF": "N",
    "#FF0000": "O",
    "#33CCCC": "F",
    "#CCCC00": "S",
    "#FF7F00": "P",
    "#00CC00": "Cl",
    "#7F4C19": "Br",
    "#A01EEF": "I",
}


def draw(smiles: str) -> Drawing | None:
    """The drawing of one molecule; None when it does not parse, is empty, or has more than `MAX_ATOMS` atoms.

    Source: RDKit's MolDraw2DSVG, whose strokes are joined by colour and rounded to whole units (1/50 of a bond).
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles) if len(smiles) <= MAX_SMILES else None
        if molecule is None or not 0 < molecule.GetNumAtoms() <= MAX_ATOMS:
            return None
        return _drawn(molecule)[0]


def draw_with_places(smiles: str) -> tuple[Drawing, tuple[tuple[float, float], ...]]:
    """The drawing of a molecule of any size, and (x, y) of each atom of its SMILES; hydrogens written in it are atoms.

    Raises:
        ValueError: It cannot be parsed.
    """
    from rdkit import Chem, rdBase

    parsing: Any = Chem.SmilesParserParams()
    parsing.removeHs = False
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, parsing)
        if molecule is None:
            raise ValueError(f"{smiles} is not a valid SMILES")
        return _drawn(molecule)


def _drawn(molecule: Any) -> tuple[Drawing, tuple[tuple[float, float], ...]]:
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DSVG(-1, -1, -1, -1, True)
    options: Any = canvas.drawOptions()
    options.scalingFactor = _BOND_LENGTH / 1.5  # units for one of RDKit's coordinate units (a bond is 1.5)
    options.maxFontSize = -1
    options.clearBackground = False
    options.padding = 0.02
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    places = [canvas.GetDrawCoords(number) for number in range(molecule.GetNumAtoms())]
    return _read(canvas.GetDrawingText()), tuple((round(one.x, 1), round(one.y, 1)) for one in places)


class MoleculePool:
    """The molecules of a report, each kept and drawn once.

    `index(smiles)` gives a molecule's position, drawing it when it is new; `molecules` goes into `Report.molecules`. Items of other kinds
    are known by their names alone: `drawn=False`.
    """

    def __init__(self, *, drawn: bool = True) -> None:
        self._drawn = drawn
        self._molecules: list[Molecule] = []
        self._positions: dict[tuple[str, str], int] = {}

    @property
    def molecules(self) -> tuple[Molecule, ...]:
        """All of them, in the order of their first use."""
        return tuple(self._molecules)

    def index(self, smiles: str, name: str = "") -> int:
        """Position of a molecule; the same SMILES with another name is another molecule."""
        key = (smiles, name)
        if key not in self._positions:
            self._positions[key] = len(self._molecules)
            shown = smiles if len(smiles) <= MAX_SMILES else f"{smiles[:MAX_SMILES]}… ({len(smiles):,} characters)"
            same = self._positions.get((smiles, ""))
            drawing = self._molecules[same].drawing if name and same is not None else self._draw(smiles)
            self._molecules.append(Molecule(shown, name, drawing))
        return self._positions[key]

    def _draw(self, smiles: str) -> Drawing | None:
        return draw(smiles) if self._drawn else None

    def indices(self, smiles: Iterable[str], names: Sequence[str] | None = None) -> tuple[int, ...]:
        """Positions of several molecules."""
        smiles = list(smiles)
        return tuple(self.index(one, name) for one, name in zip(smiles, names or [""] * len(smiles), strict=True))


def _read(svg: str) -> Drawing:
    """RDKit's SVG as a `Drawing`."""
    size = re.search(r"viewBox='0 0 (\d+) (\d+)'", svg)
    assert size is not None
    lines: dict[str, list[str]] = {}
    fills: dict[str, list[str]] = {}
    for path, fill, stroke in _PATH.findall(svg):
        target = lines if fill == "none" else fills
        target.setdefault(_ELEMENTS.get(stroke.upper(), ""), []).append(_rounded(path))
    texts = tuple(
        (round(float(x)), round(float(y)), int(font), _ELEMENTS.get(colour.upper(), ""), _ESCAPED.get(letters, letters))
        for x, y, font, colour, letters in _TEXT.findall(svg)
    )
    return Drawing(int(size[1]), int(size[2]), _joined(lines), _joined(fills), texts)


def _joined(paths: dict[str, list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((element, "".join(parts)) for element, parts in paths.items())


def _rounded(path: str) -> str:
    """A path in whole units: "M 10.2,20.7 L 30.1,40.9 Z" becomes "M10 21L30 41Z"."""
    path = re.sub(r"-?\d+\.?\d*", lambda number: str(round(float(number[0]))), path)
    return re.sub(r"\s*([MLCQZ])\s*", r"\1", path).replace(",", " ")

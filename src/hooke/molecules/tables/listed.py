"""Labels of atoms, bonds and pairs in the cells of a user's table: one list of numbers a row.

A cell is JSON ([0.1, null, -0.2]; [[i, j, value], ...] for pairs and, if preferred, bonds), a list of a Parquet file, or numbers between
spaces, as RDKit writes properties of atoms and bonds into SD files ("atom.dprop.NAME"; "n/a" is missing). An empty cell measures nothing.
The order of atoms and bonds is that of `numbered_atoms`. What does not fit refuses its row, with the reason.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hooke.core.errors import DataError
from hooke.core.label import Kind, Label
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.blocks import ends
from hooke.molecules.parse import ParseError
from hooke.molecules.tables.numbered_atoms import AtomNumbers
from hooke.molecules.tables.values import MAX_CLASSES

INNER = ("node", "edge", "pair")
_SPACES = re.compile(r"[\s,]+")
_MISSING = re.compile(r"\b(?:nan|None|NA)\b")
_UNKNOWN = ("n/a", "na", "nan", "null", "none", "?")


def parse_list(text: str) -> np.ndarray:
    """(n,) float32 of a cell, or (n, 3) float64 where it names atoms; NaN = not measured.

    Raises:
        ParseError: It is no list of numbers.
    """
    try:
        if text.lstrip().startswith("["):
            cells = json.loads(_MISSING.sub(lambda found: "NaN" if found[0] == "nan" else "null", text))
        else:
            cells = [None if word.lower() in _UNKNOWN else float(word) for word in _SPACES.split(text.strip())]
        values = np.array(cells, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ParseError(f"{text[:60]!r} is not a list of numbers") from error
    if values.ndim == 2 and values.shape[1] == 3:
        return values
    if values.ndim != 1:
        raise ParseError(f"{text[:60]!r} is neither a list of numbers nor one of [i, j, value]")
    return values.astype(np.float32)


class ListProfile:
    """What the cells of a column of lists hold: enough to say of what kind the label is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cells = self.unreadable = 0
        self.is_list = False  # any cell is more than one number
        self.whole, self.lowest, self.highest = True, math.inf, -math.inf

    def add(self, cells: Sequence[str]) -> None:
        """Count some more cells."""
        for text in cells:
            if not text:
                continue
            try:
                values = parse_list(text)
            except ParseError:
                self.unreadable += 1
                continue
            measured = values[:, 2] if values.ndim == 2 else values
            measured = measured[~np.isnan(measured)]
            self.cells += 1
            self.is_list = self.is_list or text.lstrip().startswith("[") or len(values) > 1
            if len(measured):
                self.whole = self.whole and bool((measured == np.floor(measured)).all())
                self.lowest = min(self.lowest, float(measured.min()))
                self.highest = max(self.highest, float(measured.max()))

    def label(self, level: str, kind: Kind | None) -> Label:
        """The label that this column is: 0 and 1 alone are classes unless `kind` says otherwise.

        Raises:
            DataError: It holds no list with a number, or numbers that are no classes.
        """
        if not math.isfinite(self.lowest):
            raise DataError(f"label column {self.name!r} holds no list of numbers")
        binary = self.whole and self.lowest >= 0 and self.highest <= 1
        kind = kind or ("binary" if binary else "regression")
        if kind in ("regression", "binary"):
            if kind == "binary" and not binary:
                raise DataError(f"label column {self.name!r} holds other numbers than 0 and 1: it is not binary")
            return Label(self.name, level, kind)
        if not self.whole or self.lowest < 0 or not 1 <= self.highest < MAX_CLASSES:
            raise DataError(f"label column {self.name!r}: classes must be the numbers 0, 1, ..., at most {MAX_CLASSES}")
        return Label(self.name, level, kind, classes=int(self.highest) + 1)


@dataclass
class Placed:
    """The lists of one molecule in the stored order.

    Attributes:
        node, edge: Number of the label in the table → (atoms,) or (bonds,) values.
        pair: The same → (pairs, 2) atoms and (pairs,) values.
    """

    node: dict[int, np.ndarray] = field(default_factory=dict)
    edge: dict[int, np.ndarray] = field(default_factory=dict)
    pair: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def placed(cells: Mapping[str, str], labels: Mapping[str, Mapping[str, Label]], numbers: AtomNumbers) -> Placed:
    """The cells of a row, each value at its atom, bond or pair.

    Args:
        cells: Column → its text.
        labels: Level → column → label, in the order of the labels.
        numbers: Of the molecule.

    Raises:
        ParseError: A cell is no list, or does not fit the molecule.
    """
    found = Placed()
    for level, columns in labels.items():
        for place, column in enumerate(columns):
            if not cells[column]:
                continue
            try:
                values = parse_list(cells[column])
                if level == "node":
                    found.node[place] = numbers.atoms(values)
                elif level == "edge":
                    found.edge[place] = numbers.bonds(values)
                else:
                    found.pair[place] = numbers.pairs(values)
            except ParseError as error:
                raise ParseError(f"{column}: {error}") from error
    return found


@dataclass(frozen=True)
class InnerLabels:
    """Labels below the molecule of some molecules, as a block of a store holds them; None for levels without labels.

    Attributes:
        node: (atoms, node labels) float32.
        edge: (bonds, edge labels) float32.
        pair_offsets, pair_atoms, pair_labels: (N + 1,) int64, (P, 2) uint16, (P, pair labels) float32.
    """

    node: np.ndarray | None = None
    edge: np.ndarray | None = None
    pair_offsets: np.ndarray | None = None
    pair_atoms: np.ndarray | None = None
    pair_labels: np.ndarray | None = None

    @classmethod
    def of(
        cls, rows: Sequence[Placed], arrays: MoleculeArrays, starts: Mapping[str, int], counts: Mapping[str, int]
    ) -> InnerLabels:
        """Of molecules whose lists are placed.

        Args:
            rows: One a molecule.
            arrays: The molecules.
            starts: Level → number in the store of the table's first label of it.
            counts: Level → labels of the store.
        """
        dense: dict[str, np.ndarray | None] = {"node": None, "edge": None}
        for level, offsets in (("node", arrays.atom_offsets), ("edge", arrays.bond_offsets)):
            if not counts.get(level):
                continue
            values = np.full((int(offsets[-1]), counts[level]), np.nan, np.float32)
            for number, row in enumerate(rows):
                for place, given in getattr(row, level).items():
                    values[offsets[number] : offsets[number + 1], starts[level] + place] = given
            dense[level] = values
        if not counts.get("pair"):
            return cls(dense["node"], dense["edge"])
        none = np.zeros((0, 2), np.int64)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        for row in rows:
            pairs = np.unique(np.concatenate([none, *(pair for pair, _ in row.pair.values())]), axis=0)
            rank = {tuple(pair): number for number, pair in enumerate(pairs.tolist())}
            values = np.full((len(pairs), counts["pair"]), np.nan, np.float32)
            for place, (named, given) in row.pair.items():
                values[[rank[tuple(pair)] for pair in named.tolist()], starts["pair"] + place] = given
            found.append((pairs, values))
        return cls(
            dense["node"], dense["edge"], ends(np.array([len(pairs) for pairs, _ in found], np.int64)),
            np.concatenate([none, *(pairs for pairs, _ in found)]).astype(np.uint16),
            np.concatenate([np.zeros((0, counts["pair"]), np.float32), *(values for _, values in found)]),
        )  # fmt: skip

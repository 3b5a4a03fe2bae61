"""Tables of a mixture joined by molecule: rows of all tables that are the same molecule, in the same part of the split, become one.

The key of a molecule is its canonical SMILES after standardisation. A molecule that one table trains on and another tests on stays two rows,
one in each part, unless the molecules that any table tests on are left out of the others ("tested elsewhere").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import mixed
from hooke.core.label import Label
from hooke.molecules.blocks import SPLIT_CODES, MoleculeBlock, ends
from hooke.molecules.tables.description import Rule
from hooke.molecules.tables.staging import StagedChunk

MOST_TABLES = 64  # of a mixture: one bit each
_DROPPED = 1 << 8  # beside the codes of parts


def check_number(count: int) -> None:
    """Refuse more tables than a row can be a member of.

    Raises:
        UsageError: There are too many.
    """
    if count > MOST_TABLES:
        raise UsageError(
            f"a mixture has at most {MOST_TABLES} tables, this one {count}: put tables of one kind together"
        )


def table_that_tests(keys: np.ndarray, split: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(N,) int64 number of another table that tests on the molecule of a row outside its own test part; -1 for none.

    Args:
        keys: (N, 2) uint64 of molecules.
        split: (N,) part of each row in its own table.
        table: (N,) number of its table.
    """
    found = np.full(len(keys), -1, np.int64)
    _, molecule = np.unique(keys, axis=0, return_inverse=True)
    molecule = molecule.reshape(-1)
    tested = split == SPLIT_CODES["test"]
    for number in np.unique(table[tested]):
        in_test = np.zeros(molecule.max(initial=-1) + 1, bool)
        in_test[molecule[tested & (table == number)]] = True
        found[in_test[molecule] & ~tested & (table != number) & (found < 0)] = number
    return found


def keys_by_part(keys: np.ndarray, split: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    """(N, 2) uint64: keys that are equal where molecule and part are, apart from rows that are left out."""
    part = split.astype(np.uint64) + np.uint64(_DROPPED) * dropped.astype(np.uint64)
    return np.stack([keys[:, 0], keys[:, 1] ^ mixed(part)], axis=1)


def members(kept_row: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(N,) uint64, at the row that stands for a molecule one bit for each table that it occurs in."""
    found = np.zeros(len(kept_row), np.uint64)
    np.bitwise_or.at(found, kept_row, np.uint64(1) << table.astype(np.uint64))
    return found


def in_table(tables: np.ndarray, number: int) -> np.ndarray:
    """(N,) bool of rows that are members of a table."""
    return (tables >> np.uint64(number) & np.uint64(1)).astype(bool)


def counts_of_tables(
    names: Sequence[str], read: Mapping[str, int], table: np.ndarray, dropped: np.ndarray, tables: np.ndarray
) -> dict[str, dict[str, int]]:
    """Table → rows read = rejected + tested_elsewhere + repeated + molecules; `shared` molecules occur in other tables too.

    Args:
        names: Of the tables.
        read: Rows of each.
        table: (N,) number of the table of each row that holds a molecule.
        dropped: (N,) bool, rows that are left out.
        tables: (N,) membership at the rows that stay, see `members`.
    """
    found = {}
    for number, name in enumerate(names):
        here, inside = table == number, in_table(tables, number)
        left_out, molecules = int((here & dropped).sum()), int(inside.sum())
        found[name] = {
            "rows_read": read[name], "rejected": read[name] - int(here.sum()), "tested_elsewhere": left_out,
            "repeated": int(here.sum()) - left_out - molecules, "molecules": molecules,
            "shared": int((inside & (tables != np.uint64(1) << np.uint64(number))).sum()),
        }  # fmt: skip
    return found


@dataclass(frozen=True)
class Joined:
    """How the rows of several tables meet.

    Attributes:
        table: (N,) number of the table of each row.
        dropped: (N,) bool, rows that are left out because another table tests on their molecule.
        tester: (N,) number of that table, else -1.
        keys: (N, 2) uint64, equal where rows become one.
    """

    table: np.ndarray
    dropped: np.ndarray
    tester: np.ndarray
    keys: np.ndarray

    @classmethod
    def of(cls, chunks: Sequence[StagedChunk], tables: Sequence[int], *, tested_apart: bool) -> Joined:
        """Of all staged rows.

        Args:
            chunks: Staged.
            tables: Number of the table of each chunk.
            tested_apart: Whether molecules that one table tests on are left out of the others.
        """
        keys = np.concatenate([chunk.keys for chunk in chunks])
        split = np.concatenate([chunk.split for chunk in chunks])
        table = np.repeat(np.array(tables, np.int64), [len(chunk.keys) for chunk in chunks])
        tester = table_that_tests(keys, split, table) if tested_apart else np.full(len(keys), -1, np.int64)
        return cls(table, tester >= 0, tester, keys_by_part(keys, split, tester >= 0))

    def refused(self, names: Sequence[str], rows: np.ndarray) -> list[dict[str, object]]:
        """The rows that are left out, as in `rejected.parquet`.

        Args:
            names: Of the tables.
            rows: (N,) number of each row in its table.
        """
        return [
            {
                "table": names[self.table[place]], "row": int(rows[place]), "what": "row", "column": "", "value": "",
                "reason": f"tested on in table {names[self.tester[place]]}",
            }
            for place in np.flatnonzero(self.dropped)
        ]  # fmt: skip


@dataclass(frozen=True)
class _Lists:
    """Labels below the molecule of one row."""

    node: np.ndarray | None
    edge: np.ndarray | None
    pairs: np.ndarray | None
    pair: np.ndarray | None


class InnerMerger:
    """Labels of atoms, bonds and pairs of rows that are the same molecule, whose atoms are stored in one order.

    Args:
        blocks: All rows.
        kept_row: (N,) the row that stands for each.
        labels: Level → its labels.
        rule: As for labels of molecules.

    Raises:
        DataError: The rule is "error" and values conflict.
    """

    def __init__(
        self, blocks: Iterable[MoleculeBlock], kept_row: np.ndarray, labels: Mapping[str, Sequence[Label]], rule: Rule
    ) -> None:
        self.labels, self.rule, self.conflicts = labels, rule, 0
        repeated = np.bincount(kept_row, minlength=len(kept_row))[kept_row] > 1
        gathered: dict[int, list[_Lists]] = {}
        start = 0
        for block in blocks:
            count = len(block.arrays)
            for place in np.flatnonzero(repeated[start : start + count]).tolist():
                gathered.setdefault(int(kept_row[start + place]), []).append(_lists(block, place))
            start += count
        self.rows = {row: self._merged(lists) for row, lists in gathered.items()}

    def _merged(self, lists: Sequence[_Lists]) -> _Lists:
        node, edge = (
            None
            if (parts := [getattr(one, level) for one in lists])[0] is None
            else self._combined(np.stack(parts), level)
            for level in ("node", "edge")
        )
        named = [one.pairs for one in lists if one.pairs is not None]
        if not named:
            return _Lists(node, edge, None, None)
        pairs, places = np.unique(np.concatenate(named), axis=0, return_inverse=True)
        values = np.full((len(lists), len(pairs), len(self.labels["pair"])), np.nan, np.float32)
        edges = np.cumsum([0, *map(len, named)])
        for number, one in enumerate(lists):
            values[number, places.reshape(-1)[edges[number] : edges[number + 1]]] = one.pair
        return _Lists(node, edge, pairs, self._combined(values, "pair"))

    def _combined(self, values: np.ndarray, level: str) -> np.ndarray:
        """(items, labels) of (rows, items, labels): the mean, median or first of what was measured, of classes the majority."""
        measured = ~np.isnan(values)
        low, high = (
            function(np.where(measured, values, away), axis=0)
            for function, away in ((np.min, np.inf), (np.max, -np.inf))
        )
        with np.errstate(invalid="ignore"):  # inf - inf, where nothing was measured
            conflicts = high - low > 1e-6 * np.maximum(1, np.abs(high))
        if conflicts.any() and self.rule == "error":
            raise DataError(
                f"values of {level} labels conflict for the same molecule; choose another rule for duplicates"
            )
        self.conflicts += int(conflicts.sum())
        first = np.take_along_axis(values, measured.argmax(axis=0)[None], axis=0)[0]
        out = first.copy()
        if self.rule == "first":
            return out
        for item, number in zip(*np.nonzero(conflicts), strict=True):
            given = values[:, item, number][measured[:, item, number]].astype(np.float64)
            if self.labels[level][number].kind == "regression":
                out[item, number] = np.median(given) if self.rule == "median" else given.mean()
            else:
                classes, votes = np.unique(given, return_counts=True)
                out[item, number] = classes[votes.argmax()] if (votes == votes.max()).sum() == 1 else np.nan
        return out

    def applied(self, block: MoleculeBlock, start: int) -> MoleculeBlock:
        """A block with the merged lists of the rows that stay.

        Args:
            block: Some rows.
            start: Number of its first row among all.
        """
        mine = {row - start: self.rows[row] for row in range(start, start + len(block.arrays)) if row in self.rows}
        changes: dict[str, Any] = {}
        for name, offsets in (("node", block.arrays.atom_offsets), ("edge", block.arrays.bond_offsets)):
            values = getattr(block, f"{name}_labels")
            if values is not None and mine:
                values = values.copy()
                for place, merged in mine.items():
                    values[offsets[place] : offsets[place + 1]] = getattr(merged, name)
                changes[f"{name}_labels"] = values
        if block.pair_offsets is not None and mine:
            lists = [mine.get(place) or _lists(block, place) for place in range(len(block.arrays))]
            changes["pair_offsets"] = ends(
                np.array([len(one.pairs) for one in lists if one.pairs is not None], np.int64)
            )
            changes["pair_atoms"] = np.concatenate([one.pairs for one in lists if one.pairs is not None])
            changes["pair_labels"] = np.concatenate([one.pair for one in lists if one.pair is not None])
        return replace(block, **changes)


def _lists(block: MoleculeBlock, place: int) -> _Lists:
    atoms = slice(*block.arrays.atom_offsets[place : place + 2])
    bonds = slice(*block.arrays.bond_offsets[place : place + 2])
    node = None if block.node_labels is None else block.node_labels[atoms]
    edge = None if block.edge_labels is None else block.edge_labels[bonds]
    if block.pair_offsets is None or block.pair_atoms is None or block.pair_labels is None:
        return _Lists(node, edge, None, None)
    pairs = slice(*block.pair_offsets[place : place + 2])
    return _Lists(node, edge, block.pair_atoms[pairs], block.pair_labels[pairs])

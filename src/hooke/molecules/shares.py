"""Shares of the tables of a joined mixture: which rows an epoch takes of each, and what it does not see of rows of several tables.

Of a table with n training rows and share s, every epoch takes k = round(s n) of them, at least one: positions e k ... (e + 1) k - 1 (modulo n)
of a random order that is drawn anew whenever all have been taken. It follows from seed, table and epoch e alone, so that a resumed run takes the
same rows. A row of several tables is in an epoch if any of them takes it; the labels of the others are then missing for this epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from hooke.core.label import Label
from hooke.core.loader import RowLoader
from hooke.evaluate.splits import Split
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.joining import in_table

Batch = TypeVar("Batch")


class Shares:
    """The draw of every epoch.

    Args:
        tables: (rows,) uint64, a bit for each table that a training row is of.
        shares: Number of a table → share of its rows; those that are not named are taken whole.
        seed: Of the draw.

    Attributes:
        most, fewest: Rows of an epoch, at most and at least: rows that several tables take count once.
    """

    def __init__(self, tables: np.ndarray, shares: Mapping[int, float], seed: int) -> None:
        self.tables, self.seed = tables, seed
        self._rows = {number: np.flatnonzero(in_table(tables, number)) for number in shares}
        self.counts = {
            number: min(len(rows), max(1, round(shares[number] * len(rows)))) for number, rows in self._rows.items()
        }
        some = np.uint64(sum(1 << number for number in shares))
        self._whole = (tables & ~some != 0) | (tables == 0)
        alone = [min(count, int((~self._whole[self._rows[number]]).sum())) for number, count in self.counts.items()]
        whole = int(self._whole.sum())
        self.most, self.fewest = min(len(tables), whole + sum(alone)), max([whole, *self.counts.values()])

    def drawn(self, epoch: int) -> np.ndarray:
        """(rows,) uint64, a bit for each table whose labels an epoch sees of a row; rows without a bit are not in it."""
        seen = self.tables.copy()
        for number, rows in self._rows.items():
            count, bit = self.counts[number], np.uint64(1) << np.uint64(number)
            if not len(rows):
                continue
            cycle, start = divmod(epoch * count, len(rows))
            order = np.random.default_rng((self.seed, number, cycle)).permutation(rows)
            seen[rows] &= ~bit
            seen[order[(start + np.arange(count)) % len(rows)]] |= bit
        return seen

    def places(self, epoch: int) -> np.ndarray:
        """Ascending places of the rows that an epoch takes."""
        return np.flatnonzero(self._whole | (self.drawn(epoch) != 0))


def shares_of(store: MoleculeStore, shares: Mapping[str, float]) -> dict[int, float]:
    """Number of a table of a joined store → its share; only those below 1."""
    names = list(store.metadata.get("tables", ()))
    return {names.index(name): share for name, share in shares.items() if share < 1 and name in names}


def table_counts(store: MoleculeStore, split: Split, shares: Shares | None) -> dict[str, dict[str, int]]:
    """Table of a joined store → what became of its rows, how many are in each part, and how many an epoch of training takes.

    Args:
        store: The molecules; {} of one whose tables were not joined.
        split: Its rows.
        shares: Of the training rows; None takes all.
    """
    tables = store.tables()
    if tables is None:
        return {}
    counts = {name: dict(of_table) for name, of_table in store.metadata["tables"].items()}
    for number, of_table in enumerate(counts.values()):
        inside = in_table(tables, number)
        of_table |= {part: int(inside[getattr(split, part)].sum()) for part in ("train", "valid", "test")}
        of_table["epoch"] = shares.counts.get(number, of_table["train"]) if shares else of_table["train"]
    return counts


def hide_tables(
    molecules: MoleculeSlice, hidden: np.ndarray, labels: Mapping[str, Sequence[Label]], names: Sequence[str]
) -> MoleculeSlice:
    """The same molecules with NaN for the labels of tables that are hidden for a row.

    Args:
        molecules: Rows of a store with their labels.
        hidden: (molecules,) uint64, a bit for each table.
        labels: Level → its labels, in the order of the target columns.
        names: Of the tables.
    """
    if not hidden.any():
        return molecules
    owners = molecules.owners()
    targets = dict(molecules.targets)
    for level, values in targets.items():
        for number, name in enumerate(names):
            columns = np.flatnonzero([label.source == name for label in labels[level]])
            rows = np.flatnonzero(in_table(hidden, number)[owners[level]])
            if len(columns) and len(rows):
                values = values.copy()
                values[np.ix_(rows, columns)] = np.nan
        targets[level] = values
    return replace(molecules, targets=targets)


class SharedLoader(RowLoader[Batch]):
    """Batches of the rows that each epoch takes.

    Args:
        read: Makes a batch of rows, given what is hidden of each: (rows,) uint64, a bit for each table.
        rows: To train on.
        batch_size, seed, sizes, rank, world, prefetch, workers: See `RowLoader`.
        shares: Of these rows.
    """

    def __init__(
        self, read: Callable[[np.ndarray, np.ndarray], Batch], rows: np.ndarray, batch_size: int, *, seed: int, shares: Shares,
        sizes: np.ndarray | None = None, rank: int = 0, world: int = 1, prefetch: int = 2, workers: int = 0,
    ) -> None:  # fmt: skip
        self._shares = shares
        self._order = np.argsort(rows)
        self._sorted = np.asarray(rows)[self._order]
        super().__init__(
            _Unpacked(read), rows, batch_size, seed=seed, sizes=sizes, rank=rank, world=world, prefetch=prefetch,
            workers=workers,
        )  # fmt: skip

    @property
    def most(self) -> int:
        """See `RowLoader.most`."""
        return self._shares.most

    @property
    def fewest(self) -> int:
        """See `RowLoader.fewest`."""
        return self._shares.fewest

    def places(self, epoch: int) -> np.ndarray:
        """See `RowLoader.places`."""
        return self._shares.places(epoch)

    def items(self, number: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows of each batch, and what is hidden of each."""
        seen = self._shares.drawn(number)
        for rows in self.order(number)[start:]:
            places = self._order[np.searchsorted(self._sorted, rows)]
            yield rows, self._shares.tables[places] & ~seen[places]


class _Unpacked(Generic[Batch]):
    """A reader of rows and what is hidden of them, given both as one item."""

    def __init__(self, read: Callable[[np.ndarray, np.ndarray], Batch]) -> None:
        self._read = read

    def __call__(self, item: tuple[np.ndarray, np.ndarray]) -> Batch:
        return self._read(*item)

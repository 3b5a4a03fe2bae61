"""`KnownPairs`: unique undirected pairs of entities that a source states to be related."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True)
class KnownPairs:
    """Unique undirected pairs of one source.

    Attributes:
        name: Of the source.
        first, second: (p,) names; first < second.
    """

    name: str
    first: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def places(self, entities: Sequence[str] | np.ndarray) -> np.ndarray:
        """Pairs with both ends among the entities, by place.

        Args:
            entities: Unique names.

        Returns:
            (q, 2) int64, the smaller place first, sorted.
        """
        names = np.asarray(entities).astype(str)
        order = np.argsort(names, kind="stable")
        columns = []
        for side in (self.first, self.second):
            found = np.minimum(np.searchsorted(names[order], side), max(len(names) - 1, 0))
            places = order[found] if len(names) else np.zeros(len(side), np.int64)
            columns.append(np.where(names[places] == side, places, -1) if len(names) else np.full(len(side), -1))
        pairs = np.stack(columns, axis=1)
        pairs = np.sort(pairs[(pairs >= 0).all(axis=1)], axis=1)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].astype(np.int64)

    def spelled_as(self, entities: Sequence[str] | np.ndarray) -> KnownPairs:
        """The same pairs with names spelled as those entities are that differ from them in case alone, where just one does."""
        names = [str(name) for name in entities]
        lower = Counter(name.lower() for name in set(names))
        spelling = {name.lower(): name for name in names if lower[name.lower()] == 1}
        known = set(names)
        first, second = (
            [name if name in known else spelling.get(name.lower(), name) for name in side.tolist()]
            for side in (self.first, self.second)
        )
        return unique_pairs(self.name, first, second)


def unique_pairs(name: str, first: Iterable[str], second: Iterable[str]) -> KnownPairs:
    """Undirected pairs without repetition and without pairs of an entity with itself."""
    table = pl.DataFrame({"a": list(first), "b": list(second)}, schema={"a": pl.String, "b": pl.String})
    table = table.select(
        pl.min_horizontal("a", "b").alias("first"), pl.max_horizontal("a", "b").alias("second")
    ).filter(pl.col("first") != pl.col("second"))
    table = table.unique().sort("first", "second")
    return KnownPairs(name, table["first"].to_numpy().astype(str), table["second"].to_numpy().astype(str))

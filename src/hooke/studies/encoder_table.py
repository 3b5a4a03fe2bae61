"""Encoders × corrections on one screen with known relations: the recall of each pair, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from hooke.cells.entities import build_map
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError
from hooke.core.progress import progress
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.known_pairs import KnownPairs, unique_pairs
from hooke.evaluate.recall import Recall, recall_difference, relationship_recall
from hooke.images.store import ImageStore
from hooke.maps.correction import fit_correction
from hooke.report.wording import decimals, range_text

THRESHOLDS = ((0.05, 0.95),)


@dataclass(frozen=True)
class EncoderTable:
    """Recall of every encoder after every correction.

    Attributes:
        recalls: encoder -> correction -> recall.
    """

    recalls: Mapping[str, Mapping[str, Recall]]

    @property
    def chance(self) -> float:
        """Recall of random pairs."""
        return self._any.chance

    @property
    def queries(self) -> int:
        """Known pairs."""
        return self._any.queries

    @property
    def entities(self) -> int:
        """Genes in the map."""
        return self._any.entities

    @property
    def _any(self) -> Recall:
        return next(iter(next(iter(self.recalls.values())).values()))

    def recall(self, encoder: str, method: str) -> Interval:
        """One recall."""
        return self.recalls[encoder][method].recall

    def best(self, encoder: str) -> str:
        """The correction with which this encoder recalls most."""
        found = self.recalls[encoder]
        return max(found, key=lambda method: found[method].recall.value)

    def difference(self, first: tuple[str, str], second: tuple[str, str], *, seed: int = 0) -> Interval:
        """Recall of one (encoder, correction) minus that of another, with a paired interval over genes."""
        one, other = (self.recalls[encoder][method] for encoder, method in (first, second))
        return recall_difference(one, other, generator=np.random.default_rng(seed))

    def to_json(self) -> dict[str, dict[str, dict[str, object]]]:
        """Encoder -> correction -> what is printed of a recall."""
        return {name: {method: one.to_json() for method, one in row.items()} for name, row in self.recalls.items()}

    def lines(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows for people."""
        methods = list(next(iter(self.recalls.values())))
        header = ["encoder", *methods]
        return header, [[name, *(_text(row[m].recall) for m in methods)] for name, row in self.recalls.items()]


def known_modules(store: ImageStore) -> KnownPairs:
    """The true pairs of genes of a simulated screen.

    Raises:
        DataError: The store holds none: it is no simulated screen.
    """
    path = store.folder / "relations.csv"
    if not path.exists():
        raise DataError(f"{store.folder} is no simulated screen: it has no relations.csv")
    table = pl.read_csv(path).filter(pl.col("relation") == "same_module")
    return unique_pairs("simulated modules", table["entity1"], table["entity2"])


def encoder_table(
    encoders: Mapping[str, Profiles],
    known: KnownPairs,
    methods: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 500,
    show_progress: bool = True,
) -> EncoderTable:
    """Correct, map and score every encoder's wells.

    Args:
        encoders: Name -> the same wells as that encoder sees them.
        known: True pairs of genes.
        methods: Of correction; see `evaluate.correction.METHODS`.
        seed: Seed of all random numbers.
        resamples: Of the intervals.
        show_progress: Show it.
    """
    recalls: dict[str, dict[str, Recall]] = {}
    with progress(len(encoders) * len(methods), "correcting and mapping", "maps", show=show_progress) as bar:
        for name, profiles in encoders.items():
            recalls[name] = {}
            for method in methods:
                _, corrected = fit_correction(profiles, method, seed=seed)
                genes = build_map(corrected, ordered=False)
                [recalls[name][method]] = relationship_recall(
                    genes.values, genes.column("entity"), {known.name: known}, generator=np.random.default_rng(seed),
                    thresholds=THRESHOLDS, null_scope="gene", kinds=genes.column("kind"), resamples=resamples,
                )  # fmt: skip
                bar.advance()
    return EncoderTable(recalls)


def _text(found: Interval) -> str:
    return f"{decimals(found.value, 3)} {range_text(found.low, found.high, 2)}".rstrip()

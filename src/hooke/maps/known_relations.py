"""Relationship recall of finished maps: every source, chance beside it, raw profiles against whitened ones.

The two real measurements (genetic interactions, genome-wide CRISPR screens) have no replicate batches, so that the comparison there is raw
against whitened and is labelled so; corrections of batches are scored where batches are (`hooke map correct`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.annotations import SOURCES, known_pairs, licence
from hooke.cells.files import read_measured
from hooke.cells.profiles import Profiles
from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.how import How
from hooke.evaluate.known_pairs import KnownPairs
from hooke.evaluate.recall import THRESHOLDS, Recall, relationship_recall
from hooke.evaluate.whitening import whiten
from hooke.report.wording import decimals, range_text

_LOG = logging.getLogger(__name__)
MEASUREMENTS = ("horlbeck", "crispr_screens")


@dataclass(frozen=True)
class RecallRow:
    """One source and pair of thresholds, for one form of the profiles ("raw" or "whitened")."""

    form: str
    recall: Recall

    def to_json(self) -> dict[str, Any]:
        """The recall with what belongs to it, and the licence of the source."""
        return {
            "form": self.form,
            **self.recall.to_json(),
            "licence": licence(self.recall.source) if self.recall.source in SOURCES else "yours",
        }


def map_recall(
    profiles: Profiles,
    *,
    sources: Sequence[str] | str | Mapping[str, KnownPairs] = "all",
    thresholds: Sequence[tuple[float, float]] = THRESHOLDS,
    null_scope: str = "gene",
    forms: Sequence[str] = ("raw", "whitened"),
    resamples: int = 200,
    seed: int = 0,
    show_progress: bool = True,
) -> list[RecallRow]:
    """Recall of a map.

    Args:
        profiles: One row an entity, with the columns entity (or gene) and kind.
        sources: "all", names, or known pairs at hand.
        thresholds: Pairs (left, right).
        null_scope: "gene", "compound" or "all".
        forms: "raw", "whitened" or both.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        show_progress: Show downloads.

    Raises:
        UsageError: The profiles are no map.
    """
    columns = profiles.metadata.columns
    name = next((column for column in ("entity", "gene", "perturbation") if column in columns), None)
    if name is None:
        raise UsageError("a map has a column entity, gene or perturbation; make one with `hooke map build`")
    known = sources if isinstance(sources, Mapping) else known_pairs(sources, show_progress=show_progress)
    names = profiles.column(name)
    known = {source: pairs if source in SOURCES else pairs.spelled_as(names) for source, pairs in known.items()}
    for source, pairs in known.items():
        if not len(pairs.places(names)):
            example = f", such as {pairs.first[0]} - {pairs.second[0]}" if len(pairs) else ""
            _LOG.warning(
                "%s: 0 of %s pairs are in the map%s; its names are such as %s",
                source,
                f"{len(pairs):,}",
                example,
                names[0],
            )
    kinds = profiles.column("kind") if "kind" in columns else np.full(len(profiles), "gene")
    rows = []
    for form in forms:
        if form not in ("raw", "whitened"):
            raise UsageError(f"a form of the profiles is raw or whitened, not {form!r}")
        values = profiles.values if form == "raw" else whiten(profiles.values)
        found = relationship_recall(
            values, names, known, generator=np.random.default_rng(seed), thresholds=thresholds,
            null_scope=null_scope, kinds=kinds, resamples=resamples,
        )  # fmt: skip
        rows += [RecallRow(form, recall) for recall in found]
    return rows


def real_measurements(
    folder: Path, names: Sequence[str] = MEASUREMENTS, *, show_progress: bool = True, **options: Any
) -> dict[str, list[RecallRow]]:
    """`map_recall` of the data sets of real measurements, prepared below `folder`; options are those of `map_recall`."""
    found = {}
    for name in names:
        module = registry.module("datasets", name)
        if module.CARD.modality != "cells":
            raise UsageError(f"{name} is a data set of {module.CARD.modality}, not a map of cells")
        store = module.Dataset(module.Config()).prepare(folder, How(show_progress=show_progress))
        found[name] = map_recall(store.profiles(), show_progress=show_progress, **options)
    return found


def recall_of(source: str, **options: Any) -> list[RecallRow]:
    """`map_recall` of a map, a file or a store, or of a data set of cells by name.

    Raises:
        UsageError: Neither a map nor a data set of cells.
    """
    if Path(source).suffix in (".parquet", ".h5ad") or Path(source).exists():
        return map_recall(read_measured(Path(source)), **options)
    from hooke.core.paths import cache_folder

    return real_measurements(cache_folder() / "stores", (source,), **options)[source]


def table(rows: Sequence[RecallRow]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for people: never a recall without chance, null size and query count."""
    header = [
        "profiles",
        "source",
        "thresholds",
        "recall",
        "95% interval",
        "chance",
        "queries",
        "null pairs",
        "scope",
        "licence",
    ]
    return header, [
        [
            row.form, one.source, f"{one.left:g}/{one.right:g}", decimals(one.recall.value, 3),
            range_text(one.recall.low, one.recall.high, 3), decimals(one.chance, 2), f"{one.queries:,}", f"{one.null_size:,}",
            f"{one.null_scope}, {one.entities:,}", licence(one.source) if one.source in SOURCES else "yours",
        ]
        for row in rows
        for one in (row.recall,)
    ]  # fmt: skip

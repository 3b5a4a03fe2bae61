"""Splits of rows with metadata: whole wells, plates, experiments, batches or other groups, or by a column that tells."""

from __future__ import annotations

import numpy as np
import polars as pl

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.recipe import SplitSection
from hooke.evaluate import splits
from hooke.evaluate.splits import Split

_KEYS = {
    "random": ("experiment", "plate", "well"), "well": ("experiment", "plate", "well"), "plate": ("experiment", "plate"),
    "experiment": ("experiment",), "batch": ("batch",),
}  # fmt: skip
KINDS = (*_KEYS, "group", "column", "published")
MEANINGS = {
    "random": "optimistic, other wells of the same plates are trained on",
    "well": "optimistic, other wells of the same plates are trained on",
    "plate": "whole plates are tested on",
    "experiment": "whole experiments are tested on, as a new one is met",
    "batch": "whole batches are tested on, as a new one is met",
    "group": "whole groups are tested on",
    "column": "as the column of the metadata says",
    "published": "as the data set states it",
}  # fmt: skip


def metadata_split(table: pl.DataFrame, section: SplitSection, *, item: str = "row") -> Split:
    """Rows of train, valid and test.

    Rows of one well never part, where the table knows wells; "random" without wells takes each row by itself. With "column" the words
    of the column decide (`splits.PART_WORDS`); rows with other words are in no part, and counted by word.

    Args:
        table: The metadata.
        section: The kind is one of `KINDS`.
        item: What a row is called in messages.

    Raises:
        UsageError: No column named.
        UnknownNameError: No such kind or column.
        DataError: The column names no row to train on.
    """
    kind, generator = section.kind, np.random.default_rng(section.seed)
    if kind not in KINDS:
        raise UnknownNameError("kind of split", kind, KINDS)
    if kind in ("column", "published"):
        return _by_words(table, section.column or "split", item)
    if kind == "random" and "well" not in table.columns:
        return splits.random_split(len(table), generator=generator, fractions=section.fractions)
    if kind == "group":
        if not section.column:
            raise UsageError("data.split.kind=group needs data.split.column, the metadata column of the groups")
        keys = [_known(table, section.column)]
    else:  # names of wells and plates repeat: what is known of where they belong counts as well
        *outer, last = _KEYS[kind]
        keys = [*(name for name in outer if name in table.columns), _known(table, last)]
    rows = table.select(pl.col(name).cast(pl.String).fill_null("") for name in keys).rows()
    return splits.group_split(rows, generator=generator, fractions=section.fractions)


def _by_words(table: pl.DataFrame, column: str, item: str) -> Split:
    words = table[_known(table, column)].cast(pl.String).fill_null("").to_list()
    found = splits.word_split(words, column)
    if not len(found.train):
        raise DataError(f"the column {column!r} calls no {item} 'train'; its words are {sorted(set(words))[:8]}")
    return found


def _known(table: pl.DataFrame, column: str) -> str:
    if column not in table.columns:
        raise UnknownNameError("metadata column", column, table.columns)
    return column

"""Splitting the fields of an image store: whole wells, plates, experiments or other groups, or by a column that tells."""

from __future__ import annotations

import numpy as np
import polars as pl

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.recipe import SplitSection
from hooke.evaluate import splits
from hooke.evaluate.splits import Split
from hooke.images.store import ImageStore

_KEYS = {
    "random": ("experiment", "plate", "well"), "well": ("experiment", "plate", "well"), "plate": ("experiment", "plate"),
    "experiment": ("experiment",),
}  # fmt: skip
KINDS = (*_KEYS, "group", "column", "published")
_PARTS = {"train": 0, "valid": 1, "val": 1, "test": 2}


def split_images(store: ImageStore, section: SplitSection) -> Split:
    """Fields of train, valid and test; fields of one well never part.

    With "column" the words of the column decide: train, valid or val, test; fields with other words are in no part.

    Raises:
        UsageError: No column named.
        UnknownNameError: No such column.
        DataError: The column names no field to train on.
    """
    if section.kind in ("column", "published"):
        return _by_words(store, section.column or "split")
    if section.kind == "group":
        if not section.column:
            raise UsageError("data.split.kind=group needs data.split.column, the metadata column of the groups")
        keys: tuple[str, ...] = (_known(store, section.column),)
    else:
        keys = _KEYS[section.kind]
    rows = store.metadata.select(pl.col(name).cast(pl.String).fill_null("") for name in keys).rows()
    generator = np.random.default_rng(section.seed)
    return splits.group_split(rows, generator=generator, fractions=section.fractions)


def _by_words(store: ImageStore, column: str) -> Split:
    words = store.metadata[_known(store, column)].cast(pl.String).fill_null("").to_list()
    found = splits.column_split(np.array([_PARTS.get(word.lower(), -1) for word in words], np.int64))
    if not len(found.train):
        raise DataError(f"the column {column!r} calls no field 'train'; its words are {sorted(set(words))[:8]}")
    return found


def _known(store: ImageStore, column: str) -> str:
    if column not in store.metadata.columns:
        raise UnknownNameError("metadata column", column, store.metadata.columns)
    return column

"""Metadata columns as labels: texts are classes, numbers a regression, numbers that are all 0 or 1 a yes or no."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label, offset_of

LEVEL = "profile"  # of all labels of profiles
RESERVED = "row"


def column_labels(metadata: pl.DataFrame, targets: Sequence[str]) -> tuple[Label, ...]:
    """The labels that some columns are.

    Args:
        metadata: One row a profile; null and "" mean unknown.
        targets: Names of columns.

    Raises:
        UnknownNameError: No such column.
        UsageError: A column holds neither texts nor numbers, or fewer than two different values, or is called "row".
    """
    for name in targets:
        if name not in metadata.columns:
            raise UnknownNameError("metadata column", name, metadata.columns)
        if name == RESERVED:
            raise UsageError(f"a label cannot be called {RESERVED!r}: predictions say by it which profile they are of")
    return tuple(_label(name, _known(metadata[name])) for name in dict.fromkeys(targets))


def label_values(metadata: pl.DataFrame, labels: Sequence[Label]) -> np.ndarray:
    """(rows, labels) float32: values, classes as the label counts them; NaN where nothing is known, or a class that it does not know."""
    found = np.full((len(metadata), len(labels)), np.nan, np.float32)
    for place, label in enumerate(labels):
        if label.name not in metadata.columns:
            continue
        values = metadata[label.name]
        if label.names:
            number = dict(zip(label.names, range(len(label.names)), strict=True))
            values = values.cast(pl.String).replace_strict(number, default=None, return_dtype=pl.Float64)
        numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        found[:, place] = numbers - label.offset
    return found


def _label(name: str, values: pl.Series) -> Label:
    different = values.unique()
    if len(different) < 2:
        raise UsageError(f"the column {name!r} has {len(different)} different values; a label needs at least two")
    if values.dtype == pl.String:
        names = tuple(sorted(different.to_list()))
        return Label(name, LEVEL, "multiclass", classes=len(names), names=names)
    if values.dtype == pl.Boolean or set(different.to_list()) == {0, 1}:
        return Label(name, LEVEL, "binary")
    numbers = values.cast(pl.Float64).to_numpy()
    lost = np.sqrt(np.mean((numbers - numbers.astype(np.float32)) ** 2))
    return Label(name, LEVEL, offset=offset_of(float(numbers.mean()), float(numbers.std()), float(lost)))


def _known(values: pl.Series) -> pl.Series:
    """What is known of a column, as texts, truth values or numbers."""
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        return values.filter(values.fill_null("") != "")
    if not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        raise UsageError(f"the column {values.name!r} holds {values.dtype}; a label is made of texts or numbers")
    return values.drop_nulls().drop_nans() if values.dtype.is_float() else values.drop_nulls()

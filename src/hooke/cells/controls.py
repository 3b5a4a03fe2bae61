"""Which rows are controls, and whether every batch has enough of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UsageError

CONTROL_KINDS = ("negative", "positive")
BATCH_COLUMNS = ("batch", "experiment", "plate")  # the first that is there says what the experimental batches are


def negative_controls(
    profiles: Profiles, *, column: str = "control", keys: Sequence[str] = ("negative",)
) -> np.ndarray:
    """Rows of negative controls.

    Args:
        profiles: All of them.
        column: Metadata column that tells.
        keys: The values of that column that mean "control", each matched whole.

    Returns:
        (n,) bool.

    Raises:
        UnknownNameError: No such column.
        DataError: No row is a control.
    """
    if isinstance(keys, str):
        raise UsageError(f"control keys must be a list of names, not the one text {keys!r}")
    found = np.isin(profiles.column(column).astype(str), list(keys))
    if not found.any():
        values = ", ".join(sorted({str(value) for value in profiles.column(column)})[:10])
        raise DataError(f"no row has {column} in {list(keys)}; its values are: {values}")
    return found


def controls_in_words(profiles: Profiles) -> str:
    """How many rows are controls of which kind, and how many are neither control nor perturbation, for people."""
    if "control" not in profiles.metadata.columns:
        return "none: there is no column control"
    control = profiles.column("control")
    said = f"{(control == 'negative').sum():,} negative, {(control == 'positive').sum():,} positive"
    named = [name for name in ("gene", "compound", "perturbation", "entity") if name in profiles.metadata.columns]
    if not named:
        return said
    nothing = control == ""
    for name in named:
        nothing &= profiles.column(name).astype(str) == ""
    return f"{said}; {nothing.sum():,} rows are neither controls nor perturbations" if nothing.any() else said


def batch_names(profiles: Profiles, column: str = "batch") -> np.ndarray:
    """(n,) text: the batch of each row: the column asked for, or for "batch" the first of batch, experiment and plate."""
    if column == "batch":
        for name in BATCH_COLUMNS:
            if name in profiles.metadata.columns:
                return profiles.column(name).astype(str)
    return profiles.column(column).astype(str)


def controls_per_batch(batches: np.ndarray, controls: np.ndarray) -> dict[str, int]:
    """Number of controls in each batch, in the order of the names."""
    names, places = np.unique(np.asarray(batches).astype(str), return_inverse=True)
    counts = np.bincount(places, weights=np.asarray(controls, np.float64), minlength=len(names))
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

"""Hand-crafted features made comparable: normalised on a plate's controls, the useless ones left out, cells averaged to wells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from hooke.cells.profiles import Profiles, feature_places
from hooke.core.errors import DataError, UnknownNameError

# where a cell lies, not what it looks like
BLOCKED = (
    r"(Location_|BoundingBox|_Center_[XYZ]|Center_[XYZ]$|Number_Object|ObjectNumber|Parent_|Children_|Orientation$"
    r"|FirstClosest|SecondClosest)"
)
NORMALISATIONS = ("standardise", "robust")


def normalise(
    profiles: Profiles,
    batches: np.ndarray,
    controls: np.ndarray,
    *,
    method: Literal["standardise", "robust"] = "robust",
) -> Profiles:
    """Each feature in units of its spread over the controls of the same plate.

    "standardise": (x - mean) / std. "robust": (x - median) / (1.4826 MAD). Features without spread become NaN there, so that
    `select_features` sees them.

    Raises:
        DataError: A batch has fewer than two controls.
    """
    if method not in NORMALISATIONS:
        raise UnknownNameError("normalisation", method, NORMALISATIONS)
    batches, controls = np.asarray(batches).astype(str), np.asarray(controls, bool)
    out = np.empty_like(profiles.values)
    for name in np.unique(batches):
        rows = batches == name
        own = profiles.values[rows & controls].astype(np.float64)
        if len(own) < 2:
            raise DataError(f"batch {name!r} has {len(own)} controls; normalising needs at least 2")
        finite = np.where(np.isfinite(own), own, np.nan)
        kept = ~np.isnan(finite).all(axis=0)
        centre, scale = np.full(own.shape[1], np.nan), np.full(own.shape[1], np.nan)
        if method == "robust":
            centre[kept] = np.nanmedian(finite[:, kept], axis=0)
            scale[kept] = 1.4826 * np.nanmedian(np.abs(finite[:, kept] - centre[kept]), axis=0)
        else:
            centre[kept], scale[kept] = np.nanmean(finite[:, kept], axis=0), np.nanstd(finite[:, kept], axis=0)
        scale[scale <= 1e-9 * np.maximum(np.abs(centre), 1e-30)] = np.nan
        out[rows] = (profiles.values[rows] - centre) / scale
    return profiles.with_values(out)


def select_features(
    profiles: Profiles,
    *,
    missing: float = 0.05,
    distinct: float = 0.01,
    correlation: float = 0.9,
    limit: float = 500.0,
    blocked: str = BLOCKED,
) -> Profiles:
    """Leave out features that say where rather than what, are missing, constant or extreme, or repeat another one.

    What is still missing afterwards is set to the feature's median. The feature that correlates with more others goes first.

    Args:
        profiles: Best normalised before.
        missing: Largest share of values that are not finite.
        distinct: Smallest share of distinct values.
        correlation: Largest absolute correlation with a kept feature.
        limit: Largest absolute value.
        blocked: Names that match this are left out.

    Raises:
        DataError: Nothing is left.
    """
    values = np.where(np.isfinite(profiles.values), profiles.values, np.nan)
    pattern = re.compile(blocked) if blocked else None
    kept = []
    for place, name in enumerate(profiles.features):
        column = values[:, place]
        finite = column[~np.isnan(column)]
        if (pattern and pattern.search(name)) or len(finite) < max((1 - missing) * len(column), 1):
            continue
        if np.abs(finite).max() > limit or len(np.unique(finite)) <= max(distinct * len(finite), 1):
            continue
        kept.append(place)
    if not kept:
        raise DataError("no feature is left: all are blocked, missing, constant or extreme; loosen the limits")
    chosen = values[:, kept]
    chosen = np.where(np.isnan(chosen), np.nanmedian(chosen, axis=0), chosen)
    places = _uncorrelated(chosen, correlation)
    return Profiles(chosen[:, places], profiles.metadata, tuple(profiles.features[kept[place]] for place in places))


def take_features(profiles: Profiles, names: Sequence[str]) -> Profiles:
    """The features of these names in this order, as an earlier selection left them; what is missing becomes the median.

    Raises:
        DataError: Some are not there, or hold no number.
    """
    values = profiles.values[:, feature_places(profiles.features, names)]
    finite = np.isfinite(values)
    empty = np.flatnonzero(~finite.any(axis=0))
    if len(empty):
        raise DataError(f"{len(empty)} features hold no number here, such as {names[empty[0]]!r}")
    filled = np.where(finite, values, np.nanmedian(np.where(finite, values, np.nan), axis=0))
    return Profiles(filled.astype(np.float32), profiles.metadata, tuple(names))


def average_cells(
    profiles: Profiles, by: Sequence[str] = ("plate", "well"), *, how: Literal["median", "mean"] = "median"
) -> Profiles:
    """One row a well (or other group), with the number of cells as `cell_count` and what the rows of a group agree on.

    Raises:
        UnknownNameError: A column to group by that is not there.
    """
    for name in by:
        profiles.column(name)
    if how not in ("median", "mean"):
        raise UnknownNameError("average", how, ("median", "mean"))
    metadata = profiles.metadata.with_row_index("_row")
    others = [name for name in profiles.metadata.columns if name not in by]
    agreed = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in others]
    groups = metadata.group_by(list(by), maintain_order=True).agg(pl.col("_row"), pl.len().alias("cell_count"), *agreed)
    average = np.nanmedian if how == "median" else np.nanmean
    finite = np.where(np.isfinite(profiles.values), profiles.values, np.nan)
    values = np.full((len(groups), profiles.dim), np.nan, np.float32)
    for place, rows in enumerate(groups["_row"].to_list()):
        kept = ~np.isnan(finite[rows]).all(axis=0)
        values[place, kept] = average(finite[rows][:, kept], axis=0)
    return Profiles(values, groups.drop("_row"), profiles.features)


def _uncorrelated(values: np.ndarray, limit: float) -> list[int]:
    centred = values.astype(np.float64) - values.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    unit = centred / np.where(lengths > 0, lengths, 1)
    alike = np.abs(unit.T @ unit) > limit
    np.fill_diagonal(alike, False)
    degree = alike.sum(axis=1)
    gone = -4 * len(degree)
    while degree.max(initial=0) > 0:
        worst = int(degree.argmax())
        degree -= alike[worst]
        degree[worst] = gone
    return np.flatnonzero(degree > gone // 2).tolist()

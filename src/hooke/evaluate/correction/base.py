"""What all corrections share: checks, groups of rows by batch, saving, and the affine map of each batch."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, overload

import numpy as np

from hooke.core.checked import write_arrays
from hooke.core.errors import DataError, UsageError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Correction(ABC):
    """A fitted correction; its fields are arrays, so that it is saved as npz."""

    method: ClassVar[str]

    @abstractmethod
    def transform(self, values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None = None) -> np.ndarray:
        """Correct embeddings.

        Args:
            values: (n, d), of the batches seen at fitting or of new ones.
            batches: (n,) names.
            controls: (n,) bool; needed for new batches by methods that work on controls.

        Returns:
            (n, k) in the precision of the values.

        Raises:
            DataError: Another width than at fitting, or a new batch without controls.
        """

    def save(self, path: Path) -> Path:
        """Write every array to one .npz file."""
        path = Path(path)
        if path.suffix != ".npz":
            raise UsageError(f"corrections are saved as .npz, not {path.name}")
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        write_arrays(path, {"method": np.asarray(self.method), **arrays})
        return path


@overload
def checked(
    values: np.ndarray, batches: np.ndarray, controls: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


@overload
def checked(
    values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]: ...


def checked(
    values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Values as float64, batches as text, controls as bool, all of one length.

    Raises:
        DataError: Lengths differ, or a value is not finite.
    """
    values, batches = np.asarray(values, np.float64), np.asarray(batches).astype(str)
    controls = None if controls is None else np.asarray(controls, bool)
    lengths = {len(values), len(batches)} | (set() if controls is None else {len(controls)})
    if values.ndim != 2 or len(lengths) > 1:
        raise DataError(f"values {values.shape}, batches and controls must have one length, got {sorted(lengths)}")
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(f"{len(bad)} rows hold NaN or infinity (first row {bad[0]}); drop or impute them first")
    return values, batches, controls


def by_batch(batches: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(name, row numbers) of each batch, by name."""
    names, places = np.unique(batches, return_inverse=True)
    order = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=len(names)))
    for name, rows in zip(names, np.split(order, ends[:-1]), strict=True):
        yield str(name), rows


def control_rows(name: str, rows: np.ndarray, controls: np.ndarray | None, least: int = 1) -> np.ndarray:
    """The controls among the rows of a batch.

    Raises:
        DataError: Fewer than `least`.
    """
    found = rows[controls[rows]] if controls is not None else rows[:0]
    if len(found) < least:
        raise DataError(
            f"batch {name!r} has {len(found)} controls, at least {least} are needed; "
            "drop the batch, merge it with another, or mark more controls"
        )
    return found


def inverse_root(covariance: np.ndarray, ridge: float) -> np.ndarray:
    """(C + ridge I)^(-1/2) of a symmetric positive semi-definite matrix, by its eigenvalues: real and symmetric."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors / np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T


@dataclass(frozen=True)
class AffinePerBatch(Correction):
    """One linear map for all, then one affine map a batch: ((x - shift) R - offset_b) M_b.

    Attributes:
        shift: (d,).
        rotation: (d, k).
        names: (b,) names of the batches.
        offsets: (b, k).
        factors: (b, k) scales, or (b, k, k) matrices.
    """

    shift: np.ndarray
    rotation: np.ndarray
    names: np.ndarray
    offsets: np.ndarray
    factors: np.ndarray

    @abstractmethod
    def batch_map(self, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offset and factor of a new batch from its rotated controls (c, k)."""

    def transform(self, values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None = None) -> np.ndarray:
        """See `Correction.transform`."""
        precision = np.asarray(values).dtype
        values, batches, controls = checked(values, batches, controls)
        if values.shape[1] != len(self.shift):
            raise DataError(
                f"{self.method} was fitted on {len(self.shift)} features, these rows have {values.shape[1]}"
            )
        values = (values - self.shift) @ self.rotation if self.rotation.size else values - self.shift
        known = {str(name): place for place, name in enumerate(self.names)}
        out = np.empty_like(values)
        for name, rows in by_batch(batches):
            if name in known:
                offset, factor = self.offsets[known[name]], self.factors[known[name]]
            else:
                offset, factor = self.batch_map(values[control_rows(name, rows, controls)])
            centred = values[rows] - offset
            out[rows] = centred * factor if factor.ndim == 1 else centred @ factor
        return out.astype(precision if precision.kind == "f" else np.float32)


def no_rotation() -> np.ndarray:
    """Stands for the identity."""
    return np.empty((0, 0))


def warn_of_few(name: str, count: int) -> None:
    """A line in the log when a batch's own spread cannot be known."""
    _LOG.warning("batch %s has %d control: its spread is taken from all batches", name, count)

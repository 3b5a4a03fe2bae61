"""Vectors of molecules as labels: what an encoder gave (`hooke embed`), for another one to learn (distillation).

The labels are the numbers of the vectors, or their principal components over the molecules that are learnt from: (x - m) · u_k with u_k the k-th
eigenvector of the covariance, the largest first, its largest entry positive. `multitask` standardises every regression label, so that
components weigh in its loss as their standard deviation over the mean of all these: weighed alike, the many small ones would drown the few
that most of the distances between vectors are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.molecules.blocks import GraphLabels, ends
from hooke.molecules.parse import ParseError, canonical_smiles, parse
from hooke.molecules.tables.staging import canonical_keys

_COLUMNS = ("smiles", "embedding")
_BLOCK = 4096


@dataclass(frozen=True)
class Matched:
    """How the molecules of a store and the rows of a table of vectors met.

    Attributes:
        file: The file's name.
        molecules: Molecules of the store, each row counted.
        matched: Those that have a vector.
        unused: Vectors of molecules that the store does not have.
        explained: Share of the vectors' variance that the learnt components hold; 1 for all numbers.
    """

    file: str
    molecules: int
    matched: int
    unused: int
    explained: float = 1.0

    def to_json(self) -> dict[str, object]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        text = f"vectors {self.matched:,} of {self.molecules:,} molecules have a vector in {self.file}"
        if self.matched < self.molecules:
            text += f", {self.molecules - self.matched:,} do not and learn nothing of it"
        text += f"; {self.unused:,} of its vectors are of other molecules"
        return text + (f"; the components hold {self.explained:.1%} of the variance" if self.explained < 1 else "")


@dataclass(frozen=True)
class VectorTable:
    """Vectors by molecule.

    Attributes:
        file: Name of the file.
        rows: Key of a molecule, as bytes -> row.
        values: (N, width) float32.
        components: How many principal components stand for the numbers; 0 for the numbers themselves.
        weights: Of the labels in a loss; all 1 before the components are known.
    """

    file: str
    rows: dict[bytes, int]
    values: np.ndarray
    components: int = 0
    weights: tuple[float, ...] = ()

    @classmethod
    def read(cls, path: Path, components: int = 0) -> VectorTable:
        """From a file of `hooke embed`; the labels are named after it. Rows without a vector are left out.

        Raises:
            DataError: It is no such file, or has no vector.
            UsageError: More components than numbers.
        """
        import polars as pl

        try:
            table = pl.read_parquet(path, columns=list(_COLUMNS)).drop_nulls()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"{path} has no columns {' and '.join(_COLUMNS)}, as `hooke embed` writes them: {error}"
            ) from error
        if not len(table):
            raise DataError(f"{path} holds no vector")
        smiles, kept = [], []
        for row, text in enumerate(table["smiles"]):
            try:
                smiles.append(canonical_smiles(parse(text)))
                kept.append(row)
            except ParseError:
                continue
        values = table["embedding"].to_numpy()[kept].astype(np.float32)
        if components > values.shape[1]:
            raise UsageError(f"{components} components of vectors of {values.shape[1]} numbers: {path}")
        keys = canonical_keys(smiles)
        return cls(path.name, {key.tobytes(): row for row, key in enumerate(keys)}, values, components)

    @property
    def labels(self) -> list[Label]:
        """One a number or component."""
        name, what = Path(self.file).stem, "pc" if self.components else ""
        count = self.components or self.values.shape[1]
        weights = self.weights or (1.0,) * count
        return [Label(f"{name}/{what}{number:03d}", source=name, weight=weights[number]) for number in range(count)]

    def met(self, keys: np.ndarray, weight: float = 1.0) -> tuple[VectorTable, Matched]:
        """The table as labels of these molecules, and how many of them it knows.

        Args:
            keys: (M, 2) uint64 of the molecules of a store, see `canonical_keys`.
            weight: Mean weight of the labels.

        Raises:
            DataError: It knows none of them, no more than there are components, or all their vectors are the same.
        """
        rows = self._rows(keys)
        known = np.unique(rows[rows >= 0])
        matched = Matched(self.file, len(rows), int((rows >= 0).sum()), len(self.rows) - len(known))
        if len(known) <= self.components:
            raise DataError(
                f"{self.file} has vectors of {len(known):,} of the {len(rows):,} molecules"
                + (f", too few for {self.components} components" if self.components else "")
            )
        if not self.components:
            return replace(self, weights=(weight,) * self.values.shape[1]), matched
        mean, axes, explained = _principal(self.values[known], self.components)
        if not np.isfinite(explained):
            raise DataError(f"{self.file}: the vectors of all these molecules are the same")
        rotated = np.concatenate(
            [(self.values[start : start + _BLOCK] - mean) @ axes for start in range(0, len(self.values), _BLOCK)]
        )
        spreads = rotated[known].std(0)
        weights = tuple(round(float(each), 4) for each in weight * spreads / spreads.mean())
        return replace(self, values=rotated.astype(np.float32), weights=weights), replace(matched, explained=explained)

    def of(self, smiles: Sequence[str]) -> GraphLabels:
        """The vectors of molecules by canonical SMILES; none where the table does not have one."""
        rows, width = self._rows(canonical_keys(smiles)), self.values.shape[1]
        values = self.values[rows[rows >= 0]].reshape(-1)
        index = np.tile(np.arange(width, dtype=np.uint32), int((rows >= 0).sum()))
        return GraphLabels(ends(np.where(rows >= 0, width, 0)), index, values, np.zeros(len(values), np.int8))

    def _rows(self, keys: np.ndarray) -> np.ndarray:
        """(M,) row of each molecule, -1 where the table does not have it."""
        return np.array([self.rows.get(key.tobytes(), -1) for key in keys], np.int64)


def _principal(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean (width,), axes (width, count) in float64, and the share of the variance that they hold."""
    mean = values.mean(0, dtype=np.float64)
    covariance = np.zeros((values.shape[1], values.shape[1]))
    for start in range(0, len(values), _BLOCK):
        centred = values[start : start + _BLOCK] - mean
        covariance += centred.T @ centred
    spectrum, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(count)])
    total = spectrum.sum()
    return mean, axes, float(spectrum[::-1][:count].sum() / total) if total > 0 else np.nan

"""Vectors of molecules as labels: what an encoder gave (`hooke embed`), for another one to learn (distillation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.blocks import GraphLabels, ends
from hooke.molecules.parse import ParseError, canonical_smiles, parse
from hooke.molecules.tables.staging import canonical_keys

_COLUMNS = ("smiles", "embedding")


@dataclass(frozen=True)
class VectorTable:
    """Vectors by molecule.

    Attributes:
        name: The source of the labels.
        rows: Key of a molecule, as bytes -> row.
        values: (N, width) float32.
    """

    name: str
    rows: dict[bytes, int]
    values: np.ndarray

    @classmethod
    def read(cls, path: Path) -> VectorTable:
        """From a file of `hooke embed`; the labels are named after it. Rows without a vector are left out.

        Raises:
            DataError: It is no such file, or has no vector.
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
        return cls(path.stem, {key.tobytes(): row for row, key in enumerate(canonical_keys(smiles))}, values)

    @property
    def labels(self) -> list[Label]:
        """One a component."""
        return [Label(f"{self.name}/{number:03d}", source=self.name) for number in range(self.values.shape[1])]

    def of(self, smiles: Sequence[str]) -> GraphLabels:
        """The vectors of molecules by canonical SMILES; none where the table does not have one."""
        found = [self.rows.get(key.tobytes(), -1) for key in canonical_keys(smiles)]
        rows, width = np.array(found, np.int64), self.values.shape[1]
        values = self.values[rows[rows >= 0]].reshape(-1)
        index = np.tile(np.arange(width, dtype=np.uint32), int((rows >= 0).sum()))
        return GraphLabels(ends(np.where(rows >= 0, width, 0)), index, values, np.zeros(len(values), np.int8))

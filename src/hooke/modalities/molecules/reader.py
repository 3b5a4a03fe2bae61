"""Rows of a store as batches, in this process or in others: it travels as the folder of its store, not as what stands in there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.recipe import Recipe
from hooke.core.types import labels_of
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.shares import hide_tables
from hooke.molecules.spec import LEVELS, MoleculeSpec
from hooke.molecules.statistics import hide_labels
from hooke.molecules.store import MoleculeStore


class BatchReader:
    """Makes a batch of some rows.

    Args:
        store: The molecules.
        spec: What the batches carry.
        recipe: Its `data.split.label_share` hides measurements in training.
        training: Whether it reads training rows.
    """

    def __init__(self, store: MoleculeStore, spec: MoleculeSpec, recipe: Recipe, *, training: bool) -> None:
        self._store, self._spec = store, spec
        self._share, self._seed = (recipe.split.label_share if training else 1.0), recipe.seed
        self._tables = list(store.metadata.get("tables", ()))
        self._labels = {level: labels_of(spec, level) for level in LEVELS}

    def __call__(self, rows: np.ndarray, hidden: np.ndarray | None = None) -> MoleculeBatch:
        """The batch.

        Args:
            rows: Of the store.
            hidden: (rows,) uint64, a bit for each table whose labels are hidden.
        """
        molecules = self._store.read(rows)
        if hidden is not None:
            molecules = hide_tables(molecules, hidden, self._labels, self._tables)
        if self._share < 1:
            molecules = hide_labels(molecules, self._share, self._seed)
        if self._spec.extras:
            molecules = replace(molecules, arrays=self._spec.completed(molecules.arrays, self._store.smiles(rows)))
        return collate(molecules)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_store": self._store.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._store = MoleculeStore.open(Path(state["_store"]))

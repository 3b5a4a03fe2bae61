"""`check_dataset`: what every data set must do, on its offline twin; data sets of cells are checked in `testing.cells`.

A data set file has `CARD`, `Config` (frozen dataclass) and `Dataset(config)` with `prepare(folder, how)` and `twin(folder, seed)`.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from hooke.core.cards import Card
from hooke.core.citations import CITATIONS
from hooke.core.store import check_store
from hooke.datasets import Dataset
from hooke.molecules.batch import collate
from hooke.molecules.store import MoleculeStore
from hooke.testing.cells import check_cells
from hooke.testing.contract import require, require_frozen_config, resolve_module
from hooke.testing.image_stores import check_image_store
from hooke.testing.models import check_batch

REQUIRED = ("title", "description", "modality", "source", "licence", "size")


def check_dataset(module: ModuleType | str, folder: Path, config: Any = None) -> None:
    """Check the card of a data set, and its twin as a store: complete, repeatable, readable as a batch.

    Args:
        module: Data set file or registered name.
        folder: Empty folder to work in.
        config: Config to check with; the default one when None.

    Raises:
        ContractError: The first promise that is broken.
    """
    module = resolve_module("datasets", module)
    require_frozen_config(module)
    _check_card(module.CARD, module.__name__.rpartition(".")[2])
    dataset = module.Dataset(config or module.Config())
    require(isinstance(dataset, Dataset), "Dataset is no hooke.datasets.Dataset")
    if module.CARD.modality == "cells":
        check_cells(dataset, folder)
        return
    store = dataset.twin(folder / "first", seed=0)
    of_images = module.CARD.modality == "images"
    check = check_image_store if of_images else _check_store
    check(store)
    again = dataset.twin(folder / "again", seed=0)
    require(again.content_hash == store.content_hash, "the same seed gives another twin")
    if of_images:
        return
    require(again.labels == store.labels, "the same seed gives other labels")


def _check_card(card: Card, name: str) -> None:
    require(isinstance(card, Card), "CARD is not a core.cards.Card")
    require(card.name == name, f"CARD.name is {card.name!r} in the file {name!r}")
    empty = [field for field in REQUIRED if not getattr(card, field)]
    require(not empty, f"the card says nothing about {', '.join(empty)}")
    require(not card.citation or card.citation in CITATIONS, f"the citation {card.citation!r} is not in core.citations")
    for file in card.files:
        require(
            bool(file.url or file.mirror_path), f"nobody can get the file {file.name!r}: neither url nor mirror_path"
        )


def _check_store(store: MoleculeStore) -> None:
    require(len(store) >= 8, f"the twin has only {len(store)} molecules")
    problems = check_store(store.folder)
    require(not problems, f"the twin's store is damaged: {problems}")
    require(len(store.labels) > 0, "the twin has no labels")
    rows = np.unique(np.linspace(0, len(store) - 1, 256).astype(np.int64))  # mixtures store one table after another
    batch = collate(store.read(rows))
    check_batch(batch)
    for level in sorted({label.level for label in store.labels}):
        labels = store.level_labels(level)
        require(level in batch.targets, f"the twin has no {level} targets")
        values = batch.targets[level].numpy()
        require(values.shape[1] == len(labels), f"{values.shape[1]} columns for {len(labels)} labels of level {level}")
        require(bool(np.isfinite(values).any()), f"no {level} label of the twin is measured")
        for column, label in enumerate(labels):
            measured = values[:, column][np.isfinite(values[:, column])]
            if label.kind != "regression":
                allowed = np.arange(max(label.classes, 2))
                require(bool(np.isin(measured, allowed).all()), f"label {label.name!r} has values that are no classes")
    require(len(store.smiles(rows)) == len(rows), "the twin does not keep its SMILES")

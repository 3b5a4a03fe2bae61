"""`check_dataset`: what every data set must do, on its offline twin.

A data set file has `CARD`, `Config` (frozen dataclass) and `Dataset(config)` with `prepare(folder, how)` and `twin(folder, seed)`.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from hooke.core.cards import Card
from hooke.core.citations import CITATIONS
from hooke.core.store import check_store
from hooke.core.store.schema import manifests
from hooke.core.types import Store
from hooke.datasets import Dataset
from hooke.modalities import Description, Modality
from hooke.nn.contract import require
from hooke.testing.contract import require_frozen_config, resolve_module, stated_modality

REQUIRED = ("title", "description", "modality", "source", "licence", "size")
FEWEST = 8


def check_dataset(module: ModuleType | str, folder: Path, config: Any = None) -> None:
    """Check the card of a data set, and its twin as a store: complete, repeatable, readable by its modality.

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
    modality = stated_modality(module.CARD, module.__name__)
    store = dataset.twin(folder / "first", seed=0)
    check_twin(modality, store)
    again = dataset.twin(folder / "again", seed=0)
    require(again.content_hash == store.content_hash, "the same seed gives another twin")
    other = dataset.twin(folder / "other", seed=1)
    require(other.content_hash != store.content_hash, "another seed gives the same twin")


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


def check_twin(modality: Modality, store: Any) -> None:
    """Check a store: sound, found again by its folder, described, and what its modality asks.

    Raises:
        ContractError: The first promise that is broken.
    """
    require(isinstance(store, Store), f"the twin is {type(store).__name__}, which is not a store")
    require(len(store) >= FEWEST, f"the twin has only {len(store)} {modality.items}")
    if manifests(store.folder):  # of `core.store`; others keep their own promises
        problems = check_store(store.folder)
        require(not problems, f"the twin's store is damaged: {problems}")
    opened = modality.open(store.folder)
    require(opened.content_hash == store.content_hash, "the twin opened again has another hash")
    require(len(opened) == len(store), "the twin opened again has another length")
    description = modality.describe(store)
    require(isinstance(description, Description) and bool(description.fields), "describe says nothing about the twin")
    for check in modality.checks().stores.values():
        check(store)

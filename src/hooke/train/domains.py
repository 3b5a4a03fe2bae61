"""What training asks of a domain: molecules and images each answer in a file of their own, chosen by the recipe's model."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

from torch import nn

from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.evaluate.splits import Split
from hooke.train.member import Member, Watch


class Store(Protocol):
    """What is common to the stores of all domains."""

    @property
    def folder(self) -> Path:
        """Where it lies."""

    @property
    def content_hash(self) -> str:
        """Of its content."""

    def __len__(self) -> int:
        """Rows."""


class Domain(Protocol):
    """The functions of `train/molecule_domain.py` and `train/image_domain.py`."""

    def prepare(self, recipe: Recipe, *, workers: int | None, show_progress: bool) -> Any:
        """The store of a recipe's data set, prepared below the cache folder or found there again."""

    def open_store(self, folder: Path) -> Any:
        """A prepared store."""

    def check(self, store: Any, recipe: Recipe) -> None:
        """Raise `UsageError` when nothing can be learnt from the store by this recipe."""

    def split(self, store: Any, recipe: Recipe) -> Split:
        """The rows to learn from, to choose by and to test on, those without any label left out."""

    def members(
        self,
        run: RunFolder,
        recipe: Recipe,
        store: Any,
        split: Split,
        *,
        pretrained: Path | None,
        show_progress: bool,
        watch: Watch | None = None,
    ) -> list[Member]:
        """The networks to train; writes what is needed to build them again into the run folder."""

    def measure(
        self, run: RunFolder, recipe: Recipe, store: Any, split: Split, networks: list[nn.Module]
    ) -> dict[str, Any]:
        """Measure the trained networks, write metrics.json, and return what else run.json should say."""

    def adapted(self, recipe: Recipe, pretrained: Recipe, run: RunFolder) -> Recipe:
        """A recipe with the model of a pretrained run, and what belongs to it."""


def domain_of(recipe: Recipe) -> Domain:
    """The functions of the recipe's domain."""
    files = {"molecules": "molecule_domain", "images": "image_domain"}
    return cast(Domain, importlib.import_module(f"hooke.train.{files[recipe.domain]}"))

"""The kit finds image stores that are wrong in one way each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from hooke.datasets import screen
from hooke.images.store import ImageStore
from hooke.testing.contract import ContractError
from hooke.testing.datasets import check_dataset
from hooke.testing.image_stores import check_image_store


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return screen.Dataset(screen.Config()).twin(tmp_path_factory.mktemp("twin"))


class Changed(ImageStore):
    """A store with another table."""

    def __init__(self, store: ImageStore, change: Any) -> None:
        super().__init__(store.store)
        self._sites = change(self._sites)


def test_a_sound_store_passes(twin: ImageStore) -> None:
    check_image_store(twin)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop("guide"), "lack guide"),
        (lambda table: table.with_columns(pl.lit(None, pl.String).alias("perturbation")), "without perturbation"),
        (lambda table: table.with_columns(pl.lit("A01").alias("well")), "the same place"),
        (lambda table: table.with_columns(pl.lit("b").alias("batch")), "single batch"),
        (lambda table: table.with_columns(pl.lit("").alias("control")), "no negative controls"),
        (lambda table: table.with_columns(pl.lit("x").alias("perturbation")), "only 1 perturbations"),
        (lambda table: table.head(4), "only 4 fields"),
    ],
)
def test_bad_tables(twin: ImageStore, change: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_image_store(Changed(twin, change))


def test_a_twin_must_say_that_it_is_simulated(twin: ImageStore) -> None:
    class Silent(ImageStore):
        simulated = False

    with pytest.raises(ContractError, match="simulated"):
        check_image_store(Silent(twin.store))


def test_restless_twins_are_found(tmp_path: Path) -> None:
    class Restless(screen.Dataset):
        def twin(self, folder: Path, seed: int = 0) -> ImageStore:
            return super().twin(folder, seed + (folder.name == "again"))

    module = SimpleNamespace(__name__="hooke.datasets.screen", CARD=screen.CARD, Config=screen.Config, Dataset=Restless)
    with pytest.raises(ContractError, match="another twin"):
        check_dataset(module, tmp_path)  # type: ignore[arg-type]

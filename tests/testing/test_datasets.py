"""The kit finds data sets that are wrong in one way each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from hooke.datasets import pocketmix, screen
from hooke.images.store import ImageStore
from hooke.modalities import modality
from hooke.nn.contract import ContractError
from hooke.testing import check_dataset
from hooke.testing.datasets import check_twin


def file(dataset: type = pocketmix.Dataset, **card: object) -> Any:
    return SimpleNamespace(
        __name__="hooke.datasets.pocketmix",
        CARD=replace(pocketmix.CARD, **card),
        Config=pocketmix.Config,
        Dataset=dataset,
    )


def test_a_sound_data_set_passes(tmp_path: Path) -> None:
    check_dataset(file(), tmp_path)
    check_dataset("pocketmix", tmp_path / "by_name", pocketmix.Config(part="assay"))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"name": "other"}, "CARD.name"),
        ({"licence": "", "source": ""}, "nothing about source, licence"),
        ({"citation": "nobody2000"}, "core.citations"),
        ({"files": (SimpleNamespace(name="a.csv", url="", mirror_path=""),)}, "nobody can get"),
        ({"modality": "smells"}, "modality is 'smells'"),
    ],
)
def test_incomplete_cards(tmp_path: Path, card: dict, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_dataset(file(**card), tmp_path)


class Restless(pocketmix.Dataset):
    def twin(self, folder: Path, seed: int = 0):
        return super().twin(folder, seed + (folder.name == "again"))


class Constant(pocketmix.Dataset):
    def twin(self, folder: Path, seed: int = 0):
        return super().twin(folder, 0)


class Damaged(pocketmix.Dataset):
    def twin(self, folder: Path, seed: int = 0):
        store = super().twin(folder, seed)
        path = max(store.folder.iterdir(), key=lambda path: path.stat().st_size)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
        return store


class Loose(pocketmix.Dataset):
    def twin(self, folder: Path, seed: int = 0):
        return [1.0] * 20


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Restless, "another twin"),
        (Constant, "gives the same twin"),
        (Damaged, "damaged"),
        (Loose, "list, which is not a store"),
    ],
)
def test_bad_twins(tmp_path: Path, dataset: type, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_dataset(file(dataset), tmp_path)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return screen.Dataset(screen.Config()).twin(tmp_path_factory.mktemp("twin"))


class Changed(ImageStore):
    """A store with another table."""

    def __init__(self, store: ImageStore, change: Any) -> None:
        super().__init__(store.store)
        self._sites = change(self._sites)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table, ""),
        (lambda table: table.drop("guide"), "lack guide"),
        (lambda table: table.with_columns(pl.lit(None, pl.String).alias("perturbation")), "without perturbation"),
        (lambda table: table.with_columns(pl.lit("A01").alias("well")), "the same place"),
        (lambda table: table.with_columns(pl.lit("b").alias("batch")), "single batch"),
        (lambda table: table.with_columns(pl.lit("").alias("control")), "no negative controls"),
        (lambda table: table.with_columns(pl.lit("x").alias("perturbation")), "only 1 perturbations"),
        (lambda table: table.head(4), "only 4 fields"),
    ],
)
def test_tables_of_images(twin: ImageStore, change: Any, message: str) -> None:
    store = Changed(twin, change)
    if not message:
        check_twin(modality("images"), store)
        return
    with pytest.raises(ContractError, match=message):
        check_twin(modality("images"), store)


def test_a_twin_must_say_that_it_is_simulated(twin: ImageStore) -> None:
    class Silent(ImageStore):
        simulated = False

    with pytest.raises(ContractError, match="simulated"):
        check_twin(modality("images"), Silent(twin.store))


def test_restless_twins_of_images_are_found(tmp_path: Path) -> None:
    class Restless(screen.Dataset):
        def twin(self, folder: Path, seed: int = 0) -> ImageStore:
            return super().twin(folder, seed + (folder.name == "again"))

    module: Any = SimpleNamespace(
        __name__="hooke.datasets.screen", CARD=screen.CARD, Config=screen.Config, Dataset=Restless
    )
    with pytest.raises(ContractError, match="another twin"):
        check_dataset(module, tmp_path)

"""The kit finds data sets that are wrong in one way each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from hooke.datasets import pocketmix
from hooke.testing import check_dataset
from hooke.testing.contract import ContractError


def file(dataset: type = pocketmix.Dataset, **card: object) -> SimpleNamespace:
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
    ],
)
def test_incomplete_cards(tmp_path: Path, card: dict, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_dataset(file(**card), tmp_path)


class Restless(pocketmix.Dataset):
    def twin(self, folder: Path, seed: int = 0):
        return super().twin(folder, seed + (folder.name == "again"))


class Damaged(pocketmix.Dataset):
    def twin(self, folder: Path, seed: int = 0):
        store = super().twin(folder, seed)
        path = max(store.folder.iterdir(), key=lambda path: path.stat().st_size)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
        return store


@pytest.mark.parametrize(("dataset", "message"), [(Restless, "another twin"), (Damaged, "damaged")])
def test_bad_twins(tmp_path: Path, dataset: type, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_dataset(file(dataset), tmp_path)

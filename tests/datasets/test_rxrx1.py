from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET
from hooke.datasets.rxrx1 import TWIN_CLASSES, Config, Dataset


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")


def test_the_twin_has_the_plan_of_the_task(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path)
    table = store.metadata
    assert len(store.classes("perturbation")[1]) == TWIN_CLASSES
    assert table["cell_type"].n_unique() == 4
    parts = table.group_by("split").len().sort("split").rows()
    assert parts == [("id_test", 24), ("test", 48), ("train", 24), ("val", 48)]
    assert set(table.filter(split="train")["site"]) == {1}
    assert {"site_id", "well_id", "sirna_id", "dataset"} <= set(table.columns)
    assert store.simulated
    assert store.description["data_set"] == "rxrx1"


def test_own_archive_with_a_damaged_plane(tmp_path: Path) -> None:
    Dataset(Config()).twin(tmp_path)
    files = tmp_path / "twin-0"
    [first, *_] = sorted(files.rglob("*_w3.png"))
    first.write_bytes(first.read_bytes()[:200])
    with pytest.raises(DataError, match="1 x damaged"):
        Dataset(Config(path=str(files))).prepare(tmp_path / "stores", QUIET)
    store = Dataset(Config(path=str(files), problems="skip_well")).prepare(tmp_path / "stores", QUIET)
    assert len(store) == 142
    assert not store.simulated
    part = Dataset(Config(path=str(files), problems="skip_site", channels=("1", "2"))).prepare(
        tmp_path / "stores", QUIET
    )
    assert part.channels == ("1", "2")
    assert len(part) == 144


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rxrx.ai"):
        Dataset(Config()).files()
    with pytest.raises(UsageError, match="path=FOLDER"):
        Dataset(Config()).prepare(tmp_path)

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.how import QUIET
from hooke.datasets.jump_cp import CHANNEL_NUMBERS, FILES, STAINS, Config, Dataset


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


def test_the_twin_is_read_like_the_real_one(tmp_path: Path) -> None:
    pytest.importorskip("tifffile")
    store = Dataset(Config()).twin(tmp_path)
    assert store.channels == STAINS
    assert store.metadata["perturbation"].str.starts_with("JCP2022_").all()
    assert set(store.metadata["perturbation_type"]) == {"none", "gene", "compound"}
    assert store.metadata["source"].unique().to_list() == ["simulated"]


def test_tables_are_fetched_when_none_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tifffile")
    Dataset(Config()).twin(tmp_path)
    tables = tmp_path / "twin-0" / "metadata"
    monkeypatch.setattr(Dataset, "files", lambda self, *_: sorted(tables.glob("*.csv.gz")))
    config = Config(path=str(tmp_path / "twin-0" / "images"))
    store = Dataset(config).prepare(tmp_path / "stores", QUIET)
    assert store.channels == ("1", "2", "3", "4", "5")
    assert not store.simulated


def test_sources_give_the_stains_their_channels() -> None:
    assert all(sorted(numbers) == list("12345") for numbers in CHANNEL_NUMBERS.values())
    assert Config(source="source_4").source == "source_4"
    with pytest.raises(UnknownNameError, match="source of JUMP-CP"):
        Config(source="14")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="path=FOLDER"):
        Dataset(Config()).prepare(tmp_path)


@pytest.mark.mirror
def test_the_stated_checksums_are_those_of_the_mirror(mirror: Path) -> None:
    from hooke.core.hashing import file_sha256

    for file in FILES:
        if file.mirror_path:
            assert file_sha256(mirror / file.mirror_path) == file.sha256

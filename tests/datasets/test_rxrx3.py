from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.rxrx3 import Config, Dataset


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")


def test_twin_and_some_of_the_plates(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path)
    assert store.dtype.name == "uint16"
    assert store.metadata.filter(perturbation_type="gene")["guide"].str.contains("_guide_").all()
    files = tmp_path / "twin-0"
    shutil.rmtree(files / "images" / "gene-005")
    part = Dataset(Config(path=str(files), downsample=2)).prepare(tmp_path / "stores", QUIET)
    assert part.batches == ("gene-001",)
    assert part.sizes[0].tolist() == [24, 24]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rxrx.ai"):
        Dataset(Config()).files()
    with pytest.raises(UsageError, match="path=FOLDER"):
        Dataset(Config()).prepare(tmp_path)

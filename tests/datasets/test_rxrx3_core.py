from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.rxrx3_core import Config, Dataset


def test_twin_and_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    pytest.importorskip("imagecodecs")
    store = Dataset(Config()).twin(tmp_path)
    assert store.channels == ("DNA", "ER", "Actin", "RNA", "Mito", "Golgi")
    assert store.metadata["cell_type"].unique().to_list() == ["HUVEC"]
    own = Dataset(Config(path=str(tmp_path / "twin-0"))).prepare(tmp_path / "stores", QUIET)
    assert (own.read([3]) == store.read([3])).all()
    assert not own.simulated


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"huggingface\.co"):
        Dataset(Config()).files()
    with pytest.raises(UsageError, match="path=FOLDER"):
        Dataset(Config()).prepare(tmp_path)

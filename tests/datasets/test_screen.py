from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.datasets.screen import CARD, Config, Dataset
from hooke.images.simulated.screen import Screen


def test_prepared_once_and_known_by_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    store = Dataset(Config()).twin(tmp_path, seed=4)
    assert Dataset(Config()).twin(tmp_path, seed=4).folder == store.folder
    assert Dataset(Config()).twin(tmp_path, seed=5).folder != store.folder
    assert store.simulated
    assert pl.read_csv(store.folder / "relations.csv")["relation"].unique().to_list() != []
    assert "no microscope" in CARD.description


def test_the_default_screen_is_as_large_as_the_card_says() -> None:
    config = Dataset(Config()).screen
    screen = Screen(config)
    assert f"{len(screen)} fields of {config.size} x {config.size}" in CARD.size
    assert np.isfinite(screen.render(0)).all()

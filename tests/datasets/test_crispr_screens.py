from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.how import QUIET
from hooke.core.store import check_store
from hooke.datasets.crispr_screens import CARD, SCREENS, Config, Dataset, _read_screen


def test_the_twin_keeps_genes_of_all_screens(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path, seed=1)
    assert Dataset(Config()).twin(tmp_path, seed=1).folder == store.folder  # found again
    twin = store.profiles()
    assert twin.values.shape == (60, 9)
    assert not any(name.startswith("ONLY") for name in twin.column("gene"))
    assert np.allclose(twin.values.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(twin.values.std(axis=0), 1, atol=1e-5)
    assert twin.features[-1] == "sars_cov_2/pos|score"
    two = Dataset(Config(screens="il2_d1,tau")).twin(tmp_path, seed=1)
    assert two.values().shape == (60, 5)


def test_names_and_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'tau'"):
        Config(screens="tao")
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="not the screen tau"):
        _read_screen("tau", SCREENS["tau"], tmp_path / "a.csv")
    assert all(len(file.sha256) == 64 and file.url and file.mirror_path for file in CARD.files)


@pytest.mark.mirror
def test_the_real_screens(mirror: Path, tmp_path: Path) -> None:
    store = Dataset(Config()).prepare(tmp_path, QUIET)
    profiles = store.profiles()
    assert profiles.values.shape == (17_793, 9)
    assert np.isfinite(profiles.values).all()
    assert len(np.unique(profiles.column("gene"))) == len(profiles)
    assert [path.name for path in tmp_path.iterdir()] == [store.folder.name]
    assert check_store(store.folder) == []
    assert Dataset(Config()).prepare(tmp_path, QUIET).content_hash == store.content_hash
    assert Dataset(Config(screens="tau")).prepare(tmp_path, QUIET).folder != store.folder

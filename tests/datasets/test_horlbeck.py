from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.cells.files import read_profiles
from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.horlbeck import CARD, Config, Dataset, read_interactions


def test_the_twin_is_symmetric_and_has_modules(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path, seed=1)
    assert Dataset(Config()).twin(tmp_path, seed=1).folder == store.folder  # found again
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [store.folder.name]
    twin = store.profiles()
    assert twin.values.shape == (48, 48)
    off = ~np.eye(48, dtype=bool)
    assert np.array_equal(twin.values[off], twin.values.T[off])
    assert np.isfinite(twin.values).all()
    assert np.corrcoef(twin.values[0], twin.values[1])[0, 1] > 0.5  # of one module
    assert np.array_equal(Dataset(Config()).twin(tmp_path, seed=1).values(), twin.values)


def test_wrong_tables(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("Gene_pairs,Score\n\"('A', 'B')\",1\n\"('A', 'C')\",2\n")
    with pytest.raises(DataError, match="lacks 1 pairs of its 3 genes"):
        read_interactions(path)
    path.write_text("Gene_pairs,Score\nA-B,1\n")
    with pytest.raises(DataError, match="no pair of genes"):
        read_interactions(path)
    path.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="not a table"):
        read_interactions(path)


@pytest.mark.mirror
def test_the_real_table(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Dataset(Config()).prepare(tmp_path, QUIET)
    profiles = store.profiles()
    assert profiles.values.shape == (449, 449)
    assert np.array_equal(read_profiles(store.folder).values, profiles.values)
    monkeypatch.setattr(Dataset, "files", lambda *_: pytest.fail("it was read twice"))
    assert Dataset(Config()).prepare(tmp_path, QUIET).content_hash == store.content_hash
    assert CARD.modality == "cells"
    first = profiles.column("gene").tolist().index("AARS2")
    second = profiles.column("gene").tolist().index("AATF")
    assert profiles.values[first, second] == np.float32(0.360710432561)

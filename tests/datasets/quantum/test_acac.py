from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.core.errors import UsageError
from hooke.datasets.quantum import acac


def test_the_twin_and_its_isolated_atoms(tmp_path: Path) -> None:
    store = check_values(acac, tmp_path)
    formed = store.energies(np.arange(24), "formation")
    assert np.abs(formed).max() < 100


@pytest.mark.mirror
def test_energies_of_formation(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(acac, tmp_path, parts="train_300K")
    formed = store.energies(np.arange(len(store)), "formation")
    assert len(formed) == 500
    assert formed.mean() == pytest.approx(-72.9766, abs=0.0001)
    assert formed.std() == pytest.approx(0.1500, abs=0.0001)
    found = store.statistics().to_json()["formation"][store.methods[0]]
    assert found["mean"] == pytest.approx(formed.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(formed.std(), rel=1e-10)
    frames = store.gather(np.arange(3))
    assert frames.positions[0].tolist() == [0.07874433, 1.40230941, 0.08237721]
    assert frames.forces[0, :, 0].tolist() == [1.47339228, 1.13796366, 0.06391102]
    assert not frames.periodic.any()  # the file has a lattice, and pbc="F F F"


@pytest.mark.mirror
def test_every_part_and_frames_without_forces(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(acac, tmp_path)
    assert np.bincount(store.subset()).tolist() == [500, 500, 45]
    scan = store.gather(np.flatnonzero(store.subset() == 2))
    assert np.isnan(scan.forces).all()  # never computed
    assert np.isfinite(scan.energies).all()
    with pytest.raises(UsageError, match="Did you mean 'train_300K'"):
        of_mirror(acac, tmp_path, parts="train_300")


def test_the_card_warns_of_its_atoms() -> None:
    assert "not ground-state atoms" in acac.CARD.notes

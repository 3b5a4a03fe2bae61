from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.datasets.quantum import bpa


def test_the_twin_and_its_isolated_atoms(tmp_path: Path) -> None:
    store = check_values(bpa, tmp_path)
    formed = store.energies(np.arange(24), "formation")
    assert np.abs(formed).max() < 100


@pytest.mark.mirror
def test_energies_of_formation(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(bpa, tmp_path, parts="train_300K")
    formed = store.energies(np.arange(len(store)), "formation")
    assert len(formed) == 500
    assert formed.mean() == pytest.approx(-131.5732, abs=0.0001)
    assert formed.std() == pytest.approx(0.1653, abs=0.0001)
    found = store.statistics().to_json()["formation"][store.methods[0]]
    assert found["mean"] == pytest.approx(formed.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(formed.std(), rel=1e-10)

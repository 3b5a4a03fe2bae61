from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.datasets.quantum import qm7x


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    store = check_values(qm7x, tmp_path)
    assert store.energy_unit == "eV"
    assert store.length_unit == "angstrom"
    assert store.force_unit == "eV/angstrom"


def test_nothing_has_to_be_stated() -> None:
    assert qm7x.CARD.facts.unconfirmed == ()
    assert qm7x.CARD.facts.checked() == qm7x.CARD.facts


@pytest.mark.mirror
def test_the_sample_has_geometries_alone(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(qm7x, tmp_path)
    frames = store.gather(np.arange(len(store)))
    assert (len(frames), len(frames.numbers)) == (100, 1400)
    assert np.isnan(frames.energies).all()  # never computed, rather than zero
    assert np.isnan(frames.forces).all()
    assert store.statistics().to_json()["total"] == {}

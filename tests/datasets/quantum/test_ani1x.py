from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.datasets.quantum import ani1x


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    store = check_values(ani1x, tmp_path)
    assert store.energy_unit == "hartree"
    assert store.length_unit == "angstrom"
    assert store.force_unit == "hartree/angstrom"


def test_nothing_has_to_be_stated() -> None:
    assert ani1x.CARD.facts.unconfirmed == ()
    assert ani1x.CARD.facts.checked() == ani1x.CARD.facts

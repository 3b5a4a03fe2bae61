from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.datasets.quantum import transition1x


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    store = check_values(transition1x, tmp_path)
    assert store.energy_unit == "eV"
    assert store.length_unit == "angstrom"
    assert store.force_unit == "eV/angstrom"


def test_nothing_has_to_be_stated() -> None:
    assert transition1x.CARD.facts.unconfirmed == ()
    assert transition1x.CARD.facts.checked() == transition1x.CARD.facts

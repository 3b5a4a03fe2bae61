from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.datasets.quantum.conftest import check_values

from hooke.datasets.quantum import des370k


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(des370k, tmp_path)
    assert store.energy_unit == "kcal/mol"
    assert store.length_unit == "angstrom"
    assert (np.diff(store.gather(np.arange(24)).monomer_offsets) == 2).all()


def test_nothing_has_to_be_stated() -> None:
    assert des370k.CARD.facts.unconfirmed == ()
    assert des370k.CARD.facts.checked() == des370k.CARD.facts

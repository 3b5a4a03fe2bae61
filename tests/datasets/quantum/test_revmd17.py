from __future__ import annotations

from pathlib import Path

from tests.datasets.quantum.conftest import check_values

from hooke.datasets.quantum import revmd17


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(revmd17, tmp_path)
    assert store.energy_unit == "kcal/mol"
    assert store.length_unit == "angstrom"
    assert store.force_unit == "kcal/mol/angstrom"


def test_nothing_has_to_be_stated() -> None:
    assert revmd17.CARD.facts.unconfirmed == ()
    assert revmd17.CARD.facts.checked() == revmd17.CARD.facts

from __future__ import annotations

from pathlib import Path

from tests.datasets.quantum.conftest import check_values

from hooke.datasets.quantum import qm1b


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(qm1b, tmp_path)
    assert store.energy_unit == "eV"
    assert store.length_unit == "bohr"


def test_nothing_has_to_be_stated() -> None:
    assert qm1b.CARD.facts.unconfirmed == ()
    assert qm1b.CARD.facts.checked() == qm1b.CARD.facts

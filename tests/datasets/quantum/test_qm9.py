from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.atoms.isolated_atoms import IsolatedAtom, ReferenceEnergies
from hooke.datasets.quantum import qm9


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(qm9, tmp_path)
    assert store.energy_unit == "hartree"
    assert store.length_unit == "angstrom"


def test_nothing_has_to_be_stated() -> None:
    assert qm9.CARD.facts.unconfirmed == ()
    assert qm9.CARD.facts.checked() == qm9.CARD.facts


@pytest.mark.mirror
def test_the_sample_has_the_columns_and_units_of_the_card(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(qm9, tmp_path)
    frames = store.gather(np.arange(len(store)))
    assert (len(frames), len(frames.numbers)) == (100, 1001)
    assert frames.energies[0, 0] == -40.47893  # methane
    names = [name for name, _ in store.facts.properties]
    assert frames.properties[0, names.index("gap")] == 0.5048
    assert np.linalg.norm(frames.positions[0] - frames.positions[1]) == pytest.approx(
        1.09, abs=0.01
    )  # Å, as the card says
    implied = {1: -0.500273, 6: -37.846772, 7: -54.583861, 8: -75.064579, 9: -99.718730}
    table = ReferenceEnergies(
        tuple(IsolatedAtom(n, 0, 0, store.methods[0], e, "QM9") for n, e in implied.items()), "hartree"
    )
    formed = store.in_units("kcal/mol").energies(np.arange(100), "formation", table)
    assert formed[0, 0] == pytest.approx(-395.9996, abs=2e-3)  # u0_atom of gdb_1
    assert ((formed < 0) & (formed > -2500)).all()

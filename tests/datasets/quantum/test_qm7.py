from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.atoms.store import fitted
from hooke.core.errors import UsageError
from hooke.datasets.quantum import qm7
from hooke.modalities.atoms import MODALITY


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(qm7, tmp_path)
    assert store.energy_unit == "kcal/mol"
    assert store.length_unit == "angstrom"


def test_nothing_has_to_be_stated() -> None:
    assert qm7.CARD.facts.unconfirmed == ()
    assert qm7.CARD.facts.checked() == qm7.CARD.facts


@pytest.mark.mirror
def test_heats_of_formation_are_no_total_energies(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(qm7, tmp_path)
    assert (len(store), int(store.store.axis_counts("atom").sum())) == (7101, 109_600)
    assert store.energies(np.array([0, 1])).ravel().tolist() == [-417.031, -711.117]
    assert MODALITY.describe(store).fields["energy"] == "heat of formation, kcal/mol"
    with pytest.raises(UsageError, match="kind 'heat of formation'; isolated atoms belong to total ones"):
        store.energies(np.array([0]), "formation")
    with pytest.raises(UsageError, match="belong to total ones"):
        fitted(store, "pbe0")

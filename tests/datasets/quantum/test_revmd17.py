from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import revmd17


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(revmd17, tmp_path)
    assert store.energy_unit == "kcal/mol"
    assert store.length_unit == "angstrom"
    assert store.force_unit == "kcal/mol/angstrom"


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="revmd17: unconfirmed are methods; state methods="):
        revmd17.Dataset(revmd17.Config()).prepare(tmp_path, QUIET)

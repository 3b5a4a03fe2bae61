from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import iso17


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(iso17, tmp_path)
    assert store.energy_unit == "eV"
    assert store.length_unit == "angstrom"
    assert store.force_unit == "eV/angstrom"


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="iso17: unconfirmed are methods; state methods="):
        iso17.Dataset(iso17.Config()).prepare(tmp_path, QUIET)

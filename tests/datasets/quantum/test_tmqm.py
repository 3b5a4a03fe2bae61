from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import tmqm


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(tmqm, tmp_path)
    assert store.energy_unit == "hartree"
    assert store.length_unit == "angstrom"


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tmqm: unconfirmed are energy_kind, methods; state energy_kind="):
        tmqm.Dataset(tmqm.Config()).prepare(tmp_path, QUIET)

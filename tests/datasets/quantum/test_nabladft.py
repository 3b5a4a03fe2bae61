from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import nabladft


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(nabladft, tmp_path)
    assert store.energy_unit == "hartree"
    assert store.length_unit == "bohr"


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nabladft: unconfirmed are energy_kind; state energy_kind="):
        nabladft.Dataset(nabladft.Config()).prepare(tmp_path, QUIET)

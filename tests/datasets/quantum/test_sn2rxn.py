from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import sn2rxn


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    check_values(sn2rxn, tmp_path)


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match="sn2rxn: unconfirmed are energy_unit, force_unit, derivative, energy_kind; state energy_unit=",
    ):
        sn2rxn.Dataset(sn2rxn.Config()).prepare(tmp_path, QUIET)

from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import orbnet_denali


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    check_values(orbnet_denali, tmp_path)


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match="orbnet_denali: unconfirmed are energy_unit, length_unit, energy_kind, methods; state energy_unit=",
    ):
        orbnet_denali.Dataset(orbnet_denali.Config()).prepare(tmp_path, QUIET)

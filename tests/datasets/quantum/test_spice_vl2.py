from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import spice_vl2


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    check_values(spice_vl2, tmp_path)


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match="spice_vl2: unconfirmed are energy_unit, length_unit, force_unit, derivative, energy_kind, methods; state energy_unit=",
    ):
        spice_vl2.Dataset(spice_vl2.Config()).prepare(tmp_path, QUIET)

from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import qm7x_v2


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    store = check_values(qm7x_v2, tmp_path)
    assert store.length_unit == "angstrom"


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match="qm7x_v2: unconfirmed are energy_unit, force_unit, derivative, energy_kind; state energy_unit=",
    ):
        qm7x_v2.Dataset(qm7x_v2.Config()).prepare(tmp_path, QUIET)

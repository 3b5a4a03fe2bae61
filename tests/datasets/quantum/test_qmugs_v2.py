from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import qmugs_v2


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(qmugs_v2, tmp_path)
    assert store.length_unit == "angstrom"


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="qmugs_v2: unconfirmed are energy_unit, energy_kind, methods; state energy_unit="
    ):
        qmugs_v2.Dataset(qmugs_v2.Config()).prepare(tmp_path, QUIET)

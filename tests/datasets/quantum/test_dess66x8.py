from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import dess66x8


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(dess66x8, tmp_path)
    assert store.energy_unit == "kcal/mol"
    assert store.length_unit == "angstrom"
    assert (np.diff(store.gather(np.arange(24)).monomer_offsets) == 2).all()


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dess66x8: unconfirmed are methods; state methods="):
        dess66x8.Dataset(dess66x8.Config()).prepare(tmp_path, QUIET)

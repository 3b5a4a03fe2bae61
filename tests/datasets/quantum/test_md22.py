from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.quantum.conftest import check_values

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum import md22


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    check_values(md22, tmp_path)


def test_what_is_unconfirmed_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="md22: unconfirmed are length_unit, methods; state length_unit="):
        md22.Dataset(md22.Config()).prepare(tmp_path, QUIET)

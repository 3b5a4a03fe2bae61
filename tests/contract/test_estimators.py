"""Every registered estimator keeps the contract; those with trees grow fewer of them here."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing import check_estimator


@pytest.mark.parametrize("name", registry.names("estimators"))
def test_estimator(name: str) -> None:
    config = registry.module("estimators", name).Config
    check_estimator(name, config(trees=30) if hasattr(config, "trees") else config())

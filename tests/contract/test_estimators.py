"""Every registered estimator keeps the contract; those with trees grow fewer of them here."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing import check_estimator

OPTIONS = {"trees": 30, "ridge": 1e-3}  # fewer trees for time; columns that depend on each other need a ridge


@pytest.mark.parametrize("name", registry.names("estimators"))
def test_estimator(name: str) -> None:
    config = registry.module("estimators", name).Config
    check_estimator(name, config(**{option: value for option, value in OPTIONS.items() if hasattr(config, option)}))

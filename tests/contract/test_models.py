"""Every registered model keeps the contract."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing.models import MODEL_CHECKS


@pytest.mark.parametrize("check", MODEL_CHECKS)
@pytest.mark.parametrize("name", registry.names("models"))
def test_model(name: str, check: str) -> None:
    MODEL_CHECKS[check](registry.module("models", name))

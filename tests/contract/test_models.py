"""Every registered model keeps the contract of all models and that of its modality."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing.models import model_case, model_checks

CHECKS = [(name, check) for name in registry.names("models") for check in model_checks(model_case(name))]


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_model(name: str, check: str) -> None:
    case = model_case(name)
    model_checks(case)[check](case)

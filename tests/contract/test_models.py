"""Every registered model keeps the contract of its domain."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing.contract import names_of
from hooke.testing.image_models import IMAGE_MODEL_CHECKS
from hooke.testing.models import MODEL_CHECKS


@pytest.mark.parametrize("check", MODEL_CHECKS)
@pytest.mark.parametrize("name", names_of("models", "molecules"))
def test_model(name: str, check: str) -> None:
    MODEL_CHECKS[check](registry.module("models", name))


@pytest.mark.parametrize("check", IMAGE_MODEL_CHECKS)
@pytest.mark.parametrize("name", names_of("models", "images"))
def test_image_model(name: str, check: str) -> None:
    IMAGE_MODEL_CHECKS[check](registry.module("models", name))

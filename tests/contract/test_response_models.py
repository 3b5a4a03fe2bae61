"""Every registered model of responses keeps the contract."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing import check_response_model


@pytest.mark.parametrize("name", registry.names("response_models"))
def test_response_model(name: str) -> None:
    check_response_model(name)

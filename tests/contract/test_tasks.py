"""Every registered task keeps the contract."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing.tasks import TASK_CHECKS


@pytest.mark.parametrize("check", TASK_CHECKS)
@pytest.mark.parametrize("name", registry.names("tasks"))
def test_task(name: str, check: str) -> None:
    TASK_CHECKS[check](registry.module("tasks", name), None)

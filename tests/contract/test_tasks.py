"""Every registered task keeps the contract of its domain."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing.contract import names_of
from hooke.testing.image_tasks import IMAGE_TASK_CHECKS
from hooke.testing.tasks import TASK_CHECKS


@pytest.mark.parametrize("check", TASK_CHECKS)
@pytest.mark.parametrize("name", names_of("tasks", "molecules"))
def test_task(name: str, check: str) -> None:
    TASK_CHECKS[check](registry.module("tasks", name), None)


@pytest.mark.parametrize("check", IMAGE_TASK_CHECKS)
@pytest.mark.parametrize("name", names_of("tasks", "images"))
def test_image_task(name: str, check: str) -> None:
    IMAGE_TASK_CHECKS[check](registry.module("tasks", name), None)

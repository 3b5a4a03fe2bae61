"""Every registered task keeps the contract of all tasks and that of its modality."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.testing.tasks import task_case, task_checks

CHECKS = [(name, check) for name in registry.names("tasks") for check in task_checks(task_case(name))]


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_task(name: str, check: str) -> None:
    case = task_case(name)
    task_checks(case)[check](case)

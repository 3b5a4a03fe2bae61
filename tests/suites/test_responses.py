from __future__ import annotations

from hooke.core import registry
from hooke.studies.response_tasks import protocol
from hooke.suites import ResponseSuite, suite


def test_everything_it_names_is_there() -> None:
    found = suite("responses")
    assert isinstance(found, ResponseSuite)
    assert found.size == len({task.name for task in found.tasks})
    for task in found.tasks:
        assert task.dataset in registry.names("datasets")
        assert {*task.models} <= {*registry.names("response_models")}
        assert callable(protocol(task.protocol))

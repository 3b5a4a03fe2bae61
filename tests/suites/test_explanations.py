from __future__ import annotations

from hooke.core import registry
from hooke.studies.explanation_tasks import protocol
from hooke.suites import ExplanationSuite, suite


def test_everything_it_names_is_there() -> None:
    found = suite("explanations")
    assert isinstance(found, ExplanationSuite)
    assert found.size == len({task.name for task in found.tasks}) == 3
    for task in found.tasks:
        assert task.dataset in registry.names("datasets")
        assert callable(protocol(task.protocol))

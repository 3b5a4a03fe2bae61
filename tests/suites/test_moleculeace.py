"""The suite moleculeace."""

from __future__ import annotations

from hooke.core import registry
from hooke.evaluate.metrics import METRICS
from hooke.suites.moleculeace import SUITE


def test_every_task_can_be_built_and_scored() -> None:
    assert SUITE.name == "moleculeace"
    assert len(SUITE.tasks) == 15
    assert "CHEMBL204_Ki" in {task.name for task in SUITE.tasks}
    for task in SUITE.tasks:
        module = registry.module("datasets", task.dataset)
        dataset = module.Dataset(module.Config(**task.options))
        assert {label.kind for label in dataset.labels} <= set(METRICS[task.metric].kinds)

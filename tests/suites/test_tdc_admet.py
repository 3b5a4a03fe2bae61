"""The suite tdc_admet."""

from __future__ import annotations

from hooke.core import registry
from hooke.evaluate.metrics import METRICS
from hooke.suites.tdc_admet import SUITE


def test_every_task_can_be_built_and_scored() -> None:
    assert SUITE.name == "tdc_admet"
    assert len(SUITE.tasks) == 22
    assert "caco2_wang" in {task.name for task in SUITE.tasks}
    for task in SUITE.tasks:
        module = registry.module("datasets", task.dataset)
        dataset = module.Dataset(module.Config(**task.options))
        assert {label.kind for label in dataset.labels} <= set(METRICS[task.metric].kinds)

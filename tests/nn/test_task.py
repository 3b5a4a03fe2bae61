from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hooke.nn.task import Task


class Mean(Task):
    modality = "vectors"

    def network(self, encoder: nn.Module) -> nn.Module:
        return encoder

    def losses(self, network: nn.Module, batch: Tensor, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": network(batch).mean(), "half": network(batch).mean().detach() / 2}


def test_what_a_task_need_not_say() -> None:
    task, network, batch = Mean(None, "spec"), nn.Linear(2, 1), torch.ones(3, 2)
    assert task.learns_labels(None)
    assert task.needs("spec") == task.inputs("spec") == "spec"
    assert not task.predict(network, batch)
    assert list(task.parts(network, batch, 0, torch.Generator())) == ["loss"]


def test_a_task_has_a_network_and_losses() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Task(None, None)  # type: ignore[abstract]

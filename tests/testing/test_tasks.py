"""The kit finds tasks that are wrong in one way each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from hooke.tasks import multitask
from hooke.testing import check_task
from hooke.testing.contract import ContractError
from hooke.testing.tasks import TASK_CHECKS


class Faulty(multitask.Task):
    fault = ""

    def losses(self, network, batch, step, generator):
        found = super().losses(network, batch, step, generator)
        if self.fault == "missing":
            del found["loss"]
        if self.fault == "vector":
            found["loss"] = found["loss"][None]
        if self.fault == "attached":
            found["part"] = found["loss"]
        if self.fault == "random":
            found["loss"] = found["loss"] * torch.rand(())
        if self.fault == "no gradient":
            found["loss"] = found["loss"] * 0
        if self.fault == "nan":
            found["loss"] = found["loss"] / sum((~rows.isnan()).sum() for rows in batch.targets.values())
        return found

    def predict(self, network, batch):
        found = super().predict(network, batch)
        if self.fault == "columns":
            found["graph"] = found["graph"][:, 1:]
        if self.fault == "mode":
            network.eval()
        if self.fault == "order":
            found["edge"] = found["edge"] * torch.arange(len(found["edge"]))[:, None]
        return found


def file(fault: str) -> SimpleNamespace:
    task = type("Task", (Faulty,), {"fault": fault})
    return SimpleNamespace(__name__="toy", Config=multitask.Config, Task=task)


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("missing", "losses", "no 'loss'"),
        ("vector", "losses", "finite scalar"),
        ("attached", "losses", "not detached: part"),
        ("random", "losses", "equal generators"),
        ("no gradient", "losses", "no gradient"),
        ("nan", "unmeasured", "without measurements"),
        ("columns", "predictions", "do not fit"),
        ("mode", "predictions", "another mode"),
        ("order", "order_of_atoms_and_bonds", "edge predictions"),
    ],
)
def test_each_fault_is_found(fault: str, check: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        TASK_CHECKS[check](file(fault), None)


def test_what_is_no_task_of_molecules() -> None:
    with pytest.raises(ContractError, match="is not a Task"):
        TASK_CHECKS["losses"](SimpleNamespace(__name__="toy", Config=multitask.Config, Task=object), None)
    module = file("")
    module.Task.modality = "images"
    with pytest.raises(ContractError, match="not 'molecules'"):
        TASK_CHECKS["losses"](module, None)


def test_a_sound_task_passes() -> None:
    check_task("multitask")
    check_task(multitask)

"""The kit finds tasks that are wrong in one way each."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hooke.nn.contract import ContractError, TaskCase
from hooke.tasks import masked_image, multitask
from hooke.tasks import perturbation_classification as wsl
from hooke.testing import check_task
from hooke.testing.tasks import task_case, task_checks


class Faulty:
    """`fault` breaks one promise of the task that it is mixed into."""

    fault = ""

    def network(self, encoder):
        network = super().network(encoder)
        if self.fault == "unused":
            network.unused = torch.nn.Parameter(torch.zeros(1))
        if self.fault == "twice":
            network.again = network.heads
        if self.fault == "embedding":
            network.embed = lambda batch, **options: 2 * network.encoder.embed(batch, **options)
        if self.fault == "last block":
            network.embed = lambda batch, block=-1: network.encoder.embed(batch)
        if self.fault == "evaluation":
            network.register_buffer("count", torch.zeros(()))
        if self.fault == "hidden":
            network.scale = torch.rand(()).double()
        return network

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
        if self.fault == "climbs":
            found["loss"] = found["loss"] * 0 + step
        if self.fault == "nan":
            found["loss"] = found["loss"] / sum((~rows.isnan()).sum() for rows in batch.targets.values())
        if self.fault == "evaluation":
            network.count.add_(1)
        if self.fault == "hidden":
            found["loss"] = found["loss"] * network.scale
        return found

    def predict(self, network, batch):
        found = super().predict(network, batch)
        first = next(iter(found))
        if self.fault == "narrow":
            found[first] = found[first][:, 1:]
        if self.fault == "mode":
            network.eval()
        if self.fault == "level":
            found["image"] = found[first]
        if self.fault == "infinite":
            found[first] = found[first] / 0
        if self.fault == "probability":
            found[first] = 2 * found[first]
        if self.fault == "edges":
            found["edge"] = found["edge"] * torch.arange(len(found["edge"]))[:, None]
        if self.fault == "crowd":
            found[first] = found[first] ** batch.num_items
        return found

    def columns(self, level):
        names = super().columns(level)
        return names[1:] if self.fault == "columns" else names[::-1] if self.fault == "order" else names


class Unlearnt(multitask.Task):
    """It predicts a label that it does not learn."""

    def losses(self, network, batch, step, generator):
        targets = {level: rows.clone() for level, rows in batch.targets.items()}
        targets["node"][:] = torch.nan
        return super().losses(network, replace(batch, targets=targets), step, generator)


def case_of(module: Any, fault: str = "") -> TaskCase:
    task = type("Task", (Faulty, module.Task), {"fault": fault})
    return task_case(SimpleNamespace(__name__="toy", Config=module.Config, Task=task))  # type: ignore[arg-type]


@pytest.mark.parametrize("module", [multitask, wsl])
def test_a_sound_task_passes(module: Any) -> None:
    check_task(case_of(module).module)


def test_a_registered_task_passes() -> None:
    check_task("multitask", multitask.Config(hidden_width=5))


@pytest.mark.parametrize(
    ("module", "fault", "check", "message"),
    [
        (multitask, "missing", "losses", "no 'loss'"),
        (multitask, "vector", "losses", "finite scalar"),
        (multitask, "attached", "losses", "not detached: part"),
        (multitask, "random", "losses", "equal generators differ"),
        (multitask, "no gradient", "losses", "no gradient"),
        (wsl, "unused", "losses", "no gradient: unused"),
        (wsl, "evaluation", "evaluation", "changes count"),
        (wsl, "embedding", "embedding", "embed"),
        (wsl, "last block", "embedded_blocks", r"embed\(block=1\)"),
        (wsl, "climbs", "learns", "does not fall"),
        (multitask, "narrow", "predictions", "do not fit"),
        (multitask, "mode", "predictions", "another mode"),
        (wsl, "probability", "predictions", "probabilit"),
        (wsl, "level", "predictions", "returns levels"),
        (wsl, "infinite", "predictions", "carry gradients or NaN"),
        (wsl, "columns", "predictions", "do not fit"),
        (wsl, "order", "predictions", "of the labels in order"),
        (multitask, "nan", "unmeasured", "without measurements"),
        (wsl, "nan", "unmeasured", "without measurements"),
        (multitask, "crowd", "items", "graph: item 0 alone differs"),
        (multitask, "edges", "symmetries", "edge does not follow the order of atoms and bonds"),
        (wsl, "twice", "state_round_trip", "two names"),
        (wsl, "hidden", "state_round_trip", "everything the loss needs"),
    ],
)
def test_each_fault_is_found(module: Any, fault: str, check: str, message: str) -> None:
    case = case_of(module, fault)
    with pytest.raises(ContractError, match=message):
        task_checks(case)[check](case)


def test_what_is_learnt_is_predicted() -> None:
    case = task_case(SimpleNamespace(__name__="toy", Config=multitask.Config, Task=Unlearnt))  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="'charge' is predicted alone"):
        task_checks(case)["learnt_labels"](case)


def test_statistics_that_are_not_saved_are_found() -> None:
    class Forgetful(multitask.Task):
        def network(self, encoder):
            network = super().network(encoder)
            for head in network.heads.values():
                mean = head.mean
                del head.mean
                head.register_buffer("mean", mean, persistent=False)
            return network

    case = task_case(SimpleNamespace(__name__="toy", Config=multitask.Config, Task=Forgetful))  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="graph predictions after loading"):
        task_checks(case)["statistics_are_saved"](case)


def test_tasks_that_learn_no_labels() -> None:
    class Labelled(masked_image.Task):
        def losses(self, network, batch, step, generator):
            parts = super().losses(network, batch, step, generator)
            return {**parts, "loss": parts["loss"] * (2 if batch.targets else 1)}

    class Predicting(masked_image.Task):
        def columns(self, level):
            return ["x"]

    for task, check, message in (
        (Labelled, "unmeasured", "another loss without targets"),
        (Predicting, "predictions", "a task without labels predicts"),
    ):
        case = task_case(SimpleNamespace(__name__="toy", Config=masked_image.Config, Task=task))  # type: ignore[arg-type]
        with pytest.raises(ContractError, match=message):
            task_checks(case)[check](case)


def test_what_a_task_must_be_and_state() -> None:
    elsewhere = type("Task", (multitask.Task,), {"modality": "smells"})
    for task, message in ((object, "is not a Task"), (elsewhere, "modality is 'smells'")):
        with pytest.raises(ContractError, match=message):
            task_case(SimpleNamespace(__name__="toy", Config=multitask.Config, Task=task))  # type: ignore[arg-type]

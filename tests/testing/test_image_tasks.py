"""The kit finds what it is there to find: image tasks that are wrong in one way each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from hooke.tasks import masked_image
from hooke.tasks import perturbation_classification as wsl
from hooke.testing import check_image_task
from hooke.testing.contract import ContractError, domain_of, names_of
from hooke.testing.image_tasks import IMAGE_TASK_CHECKS


def file(fault: str = "", **other: object) -> SimpleNamespace:
    class Task(wsl.Task):
        def network(self, encoder):
            network = super().network(encoder)
            if fault == "unused":
                network.unused = torch.nn.Parameter(torch.zeros(1))
            if fault == "twice":
                network.again = network.heads
            if fault == "embedding":
                network.embed = lambda batch, *, block=-1: 2 * network.encoder.embed(batch, block=block)
            if fault == "evaluation":
                network.register_buffer("count", torch.zeros(()))
            return network

        def losses(self, network, batch, step, generator):
            parts = super().losses(network, batch, step, generator)
            if fault == "random":
                parts["loss"] = parts["loss"] + torch.rand(())
            if fault == "attached":
                parts["cross_entropy"] = parts["loss"]
            if fault == "climbs":
                parts["loss"] = parts["loss"] * 0 + step
            if fault == "nan" and (self.labels(batch) < 0).all():
                parts["loss"] = parts["loss"] * torch.nan
            if fault == "evaluation":
                network.count.add_(1)
            return parts

        def predict(self, network, batch):
            found = super().predict(network, batch)
            if fault == "level":
                found["image"] = found["field"]
            if fault == "infinite":
                found["field"] = found["field"] / 0
            return {name: 2 * rows if fault == "probability" else rows for name, rows in found.items()}

        def columns(self, level):
            names = super().columns(level)
            return names[1:] if fault == "columns" else names[::-1] if fault == "order" else names

    return SimpleNamespace(**{"__name__": "toy", "Config": wsl.Config, "Task": Task, **other})


def test_a_sound_task_passes() -> None:
    check_image_task(file())


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("unused", "losses", "no gradient: unused"),
        ("random", "losses", "equal generators differ"),
        ("attached", "losses", "not detached: cross_entropy"),
        ("evaluation", "evaluation", "changes count"),
        ("embedding", "embedding", "embed"),
        ("climbs", "learns", "does not fall"),
        ("probability", "predictions", "sums of probabilities"),
        ("level", "predictions", "returns levels"),
        ("infinite", "predictions", "not finite"),
        ("columns", "predictions", "columns do not fit"),
        ("order", "predictions", "of the labels in order"),
        ("nan", "unlabelled", "without labels is"),
        ("twice", "state_round_trip", "two names"),
    ],
)
def test_each_fault_is_found(fault: str, check: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        IMAGE_TASK_CHECKS[check](file(fault), None)


def test_tasks_that_learn_no_labels() -> None:
    class Labelled(masked_image.Task):
        def losses(self, network, batch, step, generator):
            parts = super().losses(network, batch, step, generator)
            return {**parts, "loss": parts["loss"] * (2 if batch.targets else 1)}

    class Predicting(masked_image.Task):
        def columns(self, level):
            return ["x"]

    class Elsewhere(masked_image.Task):
        modality = "molecules"

    parts = {"__name__": "toy", "Config": masked_image.Config, "ENCODER": masked_image.ENCODER}
    for task, check, message in (
        (Labelled, "unlabelled", "another loss without targets"),
        (Predicting, "predictions", "a task without labels predicts"),
        (Elsewhere, "losses", "modality"),
        (torch.nn.Identity, "losses", "no nn.task.Task"),
    ):
        with pytest.raises(ContractError, match=message):
            IMAGE_TASK_CHECKS[check](SimpleNamespace(**parts, Task=task), None)


def test_domains() -> None:
    assert domain_of(file()) == "images"
    assert domain_of(SimpleNamespace()) == "molecules"
    assert {"vit", "ca_mae"} <= set(names_of("models", "images"))
    assert "gine" in names_of("models", "molecules")
    assert not set(names_of("tasks", "images")) & set(names_of("tasks", "molecules"))

"""Losses of classes, yes or no and numbers against an independent computation; what is not known teaches nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hooke.cells.targets import LEVEL
from hooke.core.errors import UsageError
from hooke.modalities import Sample, modality
from hooke.models.mlp_profiles import PRESETS, Model
from hooke.nn.randomness import random_from
from hooke.tasks.multitask_profiles import Config, Network, Task


@pytest.fixture
def sample() -> Sample:
    return modality("cells").sample(3)


def made(sample: Sample, seed: int = 0) -> tuple[Task, Network]:
    torch.manual_seed(seed)
    task = Task(Config(), sample.spec)
    return task, task.network(Model(PRESETS["tiny"], sample.spec)).double().eval()


def losses(task: Task, network: Network, batch: object) -> dict[str, Tensor]:
    return task.losses(network, batch, 0, torch.Generator().manual_seed(0))  # type: ignore[arg-type]


def test_the_loss_in_numpy(sample: Sample) -> None:
    task, network = made(sample)
    batch = sample.batch(range(8), sample.spec)
    raw, targets = network(batch).detach().numpy(), batch.targets[LEVEL].double().numpy()
    chance = np.exp(raw[:, :4]) / np.exp(raw[:, :4]).sum(axis=1, keepdims=True)
    known = ~np.isnan(targets)
    classes = np.mean([-np.log(chance[row, int(targets[row, 0])]) for row in np.flatnonzero(known[:, 0])])
    yes = 1 / (1 + np.exp(-raw[:, 4]))
    binary = -np.where(targets[:, 1] == 1, np.log(yes), np.log(1 - yes))[known[:, 1]].mean()
    number = ((raw[:, 5] - (targets[:, 2] - 10) / 3) ** 2)[known[:, 2]].mean()
    found = losses(task, network, batch)
    assert found["perturbation"].item() == pytest.approx(classes, rel=1e-9)
    assert found["alive"].item() == pytest.approx(binary, rel=1e-9)
    assert found["viability"].item() == pytest.approx(number, rel=1e-9)
    assert found["loss"].item() == pytest.approx((classes + binary + number) / 3, rel=1e-9)
    found["loss"].backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_what_is_not_known_teaches_nothing(sample: Sample) -> None:
    task, network = made(sample)
    batch = sample.batch(range(8), sample.spec)
    targets = batch.targets[LEVEL].clone()
    targets[:, 1] = torch.nan
    found = losses(task, network, replace(batch, targets={LEVEL: targets}))
    both = losses(task, network, batch)
    assert found["loss"].item() == pytest.approx((both["perturbation"] + both["viability"]).item() / 2)
    nothing = losses(task, network, replace(batch, targets={LEVEL: torch.full_like(targets, torch.nan)}))
    assert nothing["loss"].item() == 0
    nothing["loss"].backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters() if parameter.grad is not None)


def test_predictions_are_chances_and_stored_values(sample: Sample) -> None:
    task, network = made(sample)
    batch = sample.batch(range(8), sample.spec)
    network.train()
    found = task.predict(network, batch)[LEVEL]
    assert network.training
    assert task.columns(LEVEL) == [*(f"perturbation[{number}]" for number in range(4)), "alive", "viability"]
    assert task.columns("graph") == []
    assert found.shape == (8, 6)
    assert torch.allclose(found[:, :4].sum(dim=1), torch.ones(8, dtype=found.dtype))
    assert ((found[:, 4] > 0) & (found[:, 4] < 1)).all()
    raw = network.eval()(batch)
    assert torch.allclose(found[:, 5], raw[:, 5] * 3 + 10)
    assert torch.equal(network.embed(batch), network.encoder.embed(batch))  # type: ignore[operator]


def test_dropout_belongs_to_the_profile(sample: Sample) -> None:
    """So that a step does not depend on how its profiles are shared among processes."""
    torch.manual_seed(0)
    task = Task(Config(), sample.spec)
    network = task.network(Model(replace(PRESETS["tiny"], dropout=0.5), sample.spec)).double().train()

    def outputs(places: list[int]) -> Tensor:
        batch = sample.batch(places, sample.spec)
        with random_from(torch.Generator().manual_seed(4), network, batch):
            return network(batch)

    whole = outputs(list(range(8)))
    assert torch.allclose(outputs([6, 1]), whole[[6, 1]], atol=1e-12)
    assert not torch.allclose(whole, network(sample.batch(range(8), sample.spec)))


def test_weights_hold_the_statistics(sample: Sample) -> None:
    task, network = made(sample)
    bare = replace(sample.spec, statistics={}, feature_statistics=None)
    again = Task(Config(), bare)
    other = again.network(Model(PRESETS["tiny"], bare)).double()
    other.load_state_dict(network.state_dict())
    batch = sample.batch(range(8), sample.spec)
    assert torch.equal(again.predict(other, batch)[LEVEL], task.predict(network, batch)[LEVEL])
    with pytest.raises(UsageError, match="at least one label"):
        Task(Config(), replace(bare, labels=()))

"""The task `response`: fallbacks are the mean, expression is never negative, and cosine counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.cells.response_spec import LEVEL
from hooke.core.errors import UsageError
from hooke.modalities import modality
from hooke.models.txpert import PRESETS, Model
from hooke.tasks.response import Config, Network, Task

SAMPLE = modality("perturbations").sample()


def made(**options: object) -> tuple[Task, Network]:
    task = Task(Config(hidden=8, dropout=0.0, **options), SAMPLE.spec)  # type: ignore[arg-type]
    torch.manual_seed(0)
    return task, task.network(Model(PRESETS["tiny"], SAMPLE.spec)).double().eval()


def test_what_nobody_knows_has_the_mean() -> None:
    task, network = made()
    found = task.predict(network, SAMPLE.batch([0, 8, 10], SAMPLE.spec))[LEVEL]
    mean = torch.from_numpy(SAMPLE.spec.statistics[LEVEL].mean)
    assert torch.equal(found[1], mean)
    assert torch.equal(found[2], mean)
    assert not torch.allclose(found[0], mean)
    assert float(network.scale) == pytest.approx(np.sqrt(np.square(SAMPLE.spec.statistics[LEVEL].std).mean()))


def test_expression_is_never_negative() -> None:
    task, network = made(space="expression")
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.mul_(20)
    places = range(11)
    batch = SAMPLE.batch(places, SAMPLE.spec)
    profiles = batch.control + task.predict(network, batch)[LEVEL]
    assert bool((profiles >= -1e-9).all())
    _, plain = made()
    plain.load_state_dict(network.state_dict())
    assert bool((batch.control + plain(batch) < 0).any())
    with pytest.raises(UsageError, match="z-scores"):
        Task(Config(space="expression"), replace(SAMPLE.spec, scale="z-score"))


def test_the_loss_is_its_formula() -> None:
    task, network = made(cosine=0.5)
    batch = SAMPLE.batch(range(8), SAMPLE.spec)
    parts = task.losses(network, batch, 0, torch.Generator())
    found, target = network(batch).detach().numpy(), batch.targets[LEVEL].double().numpy()
    known = ~np.isnan(target)
    squared = np.square((found - target)[known] / float(network.scale)).mean()
    cosines = [
        found[row, k] @ target[row, k] / np.linalg.norm(found[row, k]) / np.linalg.norm(target[row, k])
        for row, k in enumerate(known)
    ]
    assert parts["squared"].item() == pytest.approx(squared)
    assert parts["loss"].item() == pytest.approx(squared + 0.5 * (1 - np.mean(cosines)))

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import vit
from hooke.nn.contract import built
from hooke.tasks.dann import Config, Task


def test_the_encoder_climbs_what_the_adversary_descends() -> None:
    gradients = {}
    for penalty in (0.0, 1.0, 3.0):
        task, batch = Task(Config(penalty=penalty), SPEC), image_batch()
        torch.manual_seed(0)
        network = task.network(built(vit, SPEC)).double().eval()
        task.losses(network, batch, 0, torch.Generator())["loss"].backward()
        gradients[penalty] = (network.encoder.encoder.patches.weight.grad, network.adversary[0].weight.grad)
    adversarial = gradients[1.0][0] - gradients[0.0][0]
    torch.testing.assert_close(gradients[3.0][0] - gradients[0.0][0], 3 * adversarial)
    assert torch.equal(gradients[0.0][1], gradients[3.0][1])
    logits = network.adversary(network.embed(batch))
    network.zero_grad()
    torch.nn.functional.cross_entropy(logits, batch.batch_index).backward()
    torch.testing.assert_close(network.encoder.encoder.patches.weight.grad, -adversarial)


def test_the_ramp() -> None:
    task = Task(Config(penalty=2.0, ramp_steps=100), SPEC)
    assert task.strength(0) == 0
    assert task.strength(50) == pytest.approx(2 * (2 / (1 + math.exp(-5)) - 1))
    assert task.strength(500) == task.strength(100) < 2
    assert Task(Config(penalty=2.0), SPEC).strength(0) == 2


def test_unknown_batches_take_no_part_in_evaluation_and_are_refused_in_training() -> None:
    task, batch = Task(Config(), SPEC), image_batch()
    network = task.network(built(vit, SPEC)).double()
    strange = replace(batch, batch_index=batch.batch_index + 10)
    parts = task.losses(network.eval(), strange, 0, torch.Generator())
    assert float(parts["adversary"]) == 0
    with pytest.raises(UsageError, match="made for 3"):
        task.losses(network.train(), strange, 0, torch.Generator())
    with pytest.raises(UsageError, match="two or more"):
        Task(Config(), replace(SPEC, batches=SPEC.batches[:1]))

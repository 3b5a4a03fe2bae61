from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import vit
from hooke.nn.contract import built
from hooke.nn.domain_losses import group_losses
from hooke.tasks.group_dro import Config, Task


def test_weights_move_to_the_worst_batch() -> None:
    task, batch = Task(Config(rate=0.5, symmetry="none"), SPEC), image_batch(9)
    network = task.network(built(vit, SPEC)).double().train()
    logits, labels = network(batch).logits["perturbation"], task.labels(batch)
    known = labels >= 0
    each = torch.nn.functional.cross_entropy(logits[known], labels[known], reduction="none")
    losses, _ = group_losses(each, batch.batch_index[known], len(SPEC.batches))
    weights = torch.full((3,), 1 / 3).double()
    for _ in range(2):
        weights = weights * (0.5 * losses.detach()).exp()
        weights = weights / weights.sum()
        found = task.losses(network, batch, 0, torch.Generator().manual_seed(0))
        assert float(found["loss"].detach()) == pytest.approx(float((weights * losses).detach().sum()), rel=1e-6)
        torch.testing.assert_close(network.group_weights.double(), weights, atol=1e-6, rtol=1e-6)
    assert int(network.group_weights.argmax()) == int(losses.argmax())
    assert "group_weights" in network.state_dict()


def test_evaluation_is_the_plain_mean() -> None:
    task, batch = Task(Config(), SPEC), image_batch()
    network = task.network(built(vit, SPEC)).double().eval()
    found = task.losses(network, batch, 0, torch.Generator())
    torch.testing.assert_close(found["loss"].detach(), found["cross_entropy"])
    with pytest.raises(UsageError, match="two or more"):
        Task(Config(), replace(SPEC, batches=()))

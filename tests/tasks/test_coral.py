from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import vit
from hooke.nn.contract import built
from hooke.nn.domain_losses import coral_penalty, rows_by_domain
from hooke.tasks.coral import Config, Task


def test_the_penalty_of_the_embedding_is_added() -> None:
    batch, found = image_batch(), {}
    for penalty in (0.0, 2.0):
        task = Task(Config(penalty=penalty), SPEC)
        torch.manual_seed(0)
        network = task.network(built(vit, SPEC)).double().eval()
        found[penalty] = task.losses(network, batch, 0, torch.Generator())
    expected = coral_penalty(network.embed(batch), rows_by_domain(batch.batch_index))
    torch.testing.assert_close(found[2.0]["penalty"], expected.detach())
    torch.testing.assert_close(found[2.0]["loss"], found[0.0]["loss"] + 2 * expected)
    with pytest.raises(UsageError, match="coral compares experimental batches"):
        task.losses(network, replace(batch, batch_index=None), 0, torch.Generator())


def test_training_brings_the_domains_together() -> None:
    batch, distances = image_batch(12), []
    task = Task(Config(penalty=10.0, symmetry="none"), SPEC)
    torch.manual_seed(0)
    network = task.network(built(vit, SPEC)).float().train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for step in range(12):
        parts = task.losses(network, batch, step, torch.Generator().manual_seed(0))
        distances.append(float(parts["penalty"]))
        optimiser.zero_grad()
        parts["loss"].backward()
        optimiser.step()
    assert distances[-1] < 0.7 * distances[0]

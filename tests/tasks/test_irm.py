from __future__ import annotations

import pytest
import torch

from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import vit
from hooke.nn.contract import built
from hooke.nn.domain_losses import irm_penalty, rows_by_domain
from hooke.tasks.irm import Config, Task


def test_means_of_batches_and_penalty_of_labelled_images() -> None:
    task, batch = Task(Config(penalty=5.0, anneal_steps=10), SPEC), image_batch(9)
    network = task.network(built(vit, SPEC)).double().eval()
    logits, labels = network(batch).logits["perturbation"], task.labels(batch)
    known = labels >= 0
    rows = rows_by_domain(batch.batch_index[known])
    losses = torch.nn.functional.cross_entropy(logits[known], labels[known], reduction="none")
    mean = torch.stack([losses[chosen].mean() for chosen in rows]).mean()
    penalty = irm_penalty(logits[known], labels[known], rows)
    for step, weight in ((0, 1.0), (10, 5.0)):
        found = task.losses(network, batch, step, torch.Generator())
        assert float(found["loss"].detach()) == pytest.approx(float((mean + weight * penalty).detach()), rel=1e-9)
        assert float(found["penalty"]) == pytest.approx(float(penalty.detach()), rel=1e-9)

from __future__ import annotations

from dataclasses import replace

import torch

from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import resnet
from hooke.nn.contract import built
from hooke.nn.images.batch_statistics import adapted
from hooke.tasks.perturbation_classification import Config, Task


def test_one_pass_for_each_batch_never_mixes_their_statistics() -> None:
    """With batches apart, an image's logits do not depend on the images of another batch; together they do."""
    batch = image_batch(6)
    changed = batch.pixels.clone()
    changed[batch.batch_index == 1] = 255 - changed[batch.batch_index == 1]
    others = replace(batch, pixels=changed)
    rows = batch.batch_index != 1
    for by_batch in (True, False):
        task = Task(Config(by_batch=by_batch), SPEC)
        network = task.network(built(resnet, SPEC)).double().train()
        first, second = (task.classify(network, each).logits["perturbation"][rows] for each in (batch, others))
        assert torch.allclose(first, second, atol=1e-12) == by_batch
    parts = task.losses(network, batch, 0, torch.Generator().manual_seed(0))
    assert set(parts) == {"loss", "cross_entropy", "accuracy"}


def test_batches_apart_in_training_are_adabn_at_evaluation() -> None:
    task = Task(Config(by_batch=True), SPEC)
    network, batch = task.network(built(resnet, SPEC)).double(), image_batch(36)
    trained = task.classify(network.train(), batch).embedding
    for number in range(3):
        rows = batch.batch_index == number
        part = batch.select(rows)
        with adapted(network.eval(), [part]):
            found = network.embed(part)
        # evaluation divides by the unbiased variance, training by the biased one
        torch.testing.assert_close(found, trained[rows], atol=0.02, rtol=0.05)

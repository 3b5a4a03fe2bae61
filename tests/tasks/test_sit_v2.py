from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import ca_mae, resnet, vit
from hooke.nn.contract import built
from hooke.tasks.sit_v2 import Config, Task, damaged_error, momentum_at

SMALL = Config(hidden_width=32, contrast_width=8, momentum=0.9, momentum_steps=10)


def test_the_error_counts_damaged_pixels_only_and_is_zero_without_any() -> None:
    found, target = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    target[:, :, 0] = 5.0
    mask = torch.zeros(2, 4, 4, dtype=torch.bool)
    assert float(damaged_error(found, target, mask)) == 0
    mask[0, 0, :2] = True
    mask[1, 1, 0] = True
    assert float(damaged_error(found, target, mask)) == pytest.approx((5 + 5 + 1) / 3)


def test_the_teacher_follows_the_student_once_a_step_and_only_in_training() -> None:
    task = Task(SMALL, SPEC)
    torch.manual_seed(0)
    network, batch = task.network(built(vit, SPEC)).double().train(), image_batch(4)
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 0.1)
    name = "encoder.encoder.patches.weight"
    expected = network.encoder.encoder.patches.weight.detach().clone()
    for step in range(3):
        expected = torch.lerp(expected, network.encoder.encoder.patches.weight.detach(), 1 - momentum_at(step, 10, 0.9))
        for _ in range(2):  # two mini-batches accumulated
            task.losses(network, batch, step, torch.Generator().manual_seed(step))["loss"].backward()
        torch.testing.assert_close(network.teacher.module.state_dict()[name], expected)
        optimiser.step()
        optimiser.zero_grad()
    before = {key: value.clone() for key, value in network.teacher.state_dict().items()}
    task.losses(network.eval(), batch, 9, torch.Generator().manual_seed(0))
    assert all(torch.equal(value, before[key]) for key, value in network.teacher.state_dict().items())
    assert not any(p.requires_grad for p in network.teacher.parameters())


def test_the_loss_is_contrast_and_weighted_reconstruction() -> None:
    batch = image_batch(4)
    found = {}
    for weight in (1.0, 5.0):
        task = Task(Config(hidden_width=32, contrast_width=8, reconstruction_weight=weight), SPEC)
        torch.manual_seed(0)
        network = task.network(built(vit, SPEC)).double().eval()
        found[weight] = task.losses(network, batch, 0, torch.Generator().manual_seed(0))
    assert found[1.0]["contrast"] == found[5.0]["contrast"]
    for weight, parts in found.items():
        torch.testing.assert_close(parts["loss"], parts["contrast"] + weight * parts["reconstruction"])


def test_encoders_that_do_not_fit() -> None:
    for module in (ca_mae, resnet):
        with pytest.raises(UsageError, match="encoder vit"):
            Task(SMALL, SPEC).network(built(module, SPEC))

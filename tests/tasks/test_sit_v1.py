from __future__ import annotations

import math

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import ca_mae, vit
from hooke.nn.contract import built
from hooke.tasks import sit_v1
from hooke.tasks.sit_v1 import Config, Task, weighted_sum
from hooke.testing.tasks import losses, task_case

TWO = vit.Config(width=32, depth=2, heads=2, patch=8, class_tokens=2, stochastic_depth=0.0)


def test_learned_weights_by_hand() -> None:
    parts = {"reconstruction": torch.tensor(2.0), "contrast": torch.tensor(3.0), "rotation": torch.tensor(1.0)}
    logs = {"reconstruction": torch.tensor(0.4), "contrast": torch.tensor(-0.2), "rotation": torch.tensor(1.0)}
    expected = 2 * math.exp(-0.2) + 0.2 + 3 * math.exp(0.2) - 0.1 + math.exp(-1.0) + 0.5
    assert float(weighted_sum(parts, logs)) == pytest.approx(expected)


def test_parts_of_the_loss() -> None:
    task = Task(Config(), SPEC)
    network = task.network(built(vit, SPEC, TWO)).double().eval()
    parts = task.losses(network, image_batch(4), 0, torch.Generator().manual_seed(0))
    assert set(parts) == {"loss", "reconstruction", "contrast", "rotation", "rotation_accuracy"}
    parts = {name: value.detach() for name, value in parts.items()}
    total = sum(float(parts[name]) for name in ("reconstruction", "contrast", "rotation"))
    assert float(parts["loss"]) == pytest.approx(total)  # every s is 0 at the start
    assert float(parts["rotation"]) == pytest.approx(math.log(4), abs=0.8)


def test_tokens_serve_what_they_should() -> None:
    """The rotation reads the first class token, the contrast the second, the reconstruction the patches."""
    network = Task(Config(), SPEC).network(built(vit, SPEC, TWO)).double().eval()
    batch = image_batch(2)
    image, rotation, rows = network(batch)
    tokens = network.encoder(batch).tokens
    assert image.shape == batch.pixels.shape
    torch.testing.assert_close(rotation, network.rotate(tokens[:, 0]))
    torch.testing.assert_close(rows, network.contrast(tokens[:, 1]))
    patch = network.reconstruct(tokens[:, 2])
    torch.testing.assert_close(image[:, :, :8, :8].flatten(1), patch)


def test_without_rotation() -> None:
    losses(task_case(sit_v1, Config(rotation=False)))
    network = Task(Config(rotation=False), SPEC).network(built(vit, SPEC, TWO))
    assert network.rotate is None
    assert set(network.log_weights) == {"reconstruction", "contrast"}


def test_encoders_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="class_tokens = 2"):
        Task(Config(), SPEC).network(built(vit, SPEC))
    with pytest.raises(UsageError, match="encoder vit"):
        Task(Config(), SPEC).network(built(ca_mae, SPEC))

from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import ca_mae, mae, mu_net, vit
from hooke.nn.contract import built
from hooke.nn.images.fourier import reconstruction_losses
from hooke.nn.masking import random_noise
from hooke.tasks import masked_image
from hooke.tasks.masked_image import Config, Task, some_channels
from hooke.testing.tasks import losses, task_case


@pytest.mark.parametrize("module", [mae, ca_mae, mu_net])
@pytest.mark.parametrize("weight", [0.0, 0.01])
def test_the_loss_is_that_of_the_reconstruction(module: object, weight: float) -> None:
    task = Task(Config(fourier_weight=weight), SPEC)
    network, batch = task.network(built(module, SPEC)).eval(), image_batch()
    patches = network.encoder.maskable(batch)
    noise = random_noise(6, patches, torch.Generator().manual_seed(5), "cpu")
    expected = reconstruction_losses(network.encoder.reconstruct(batch, noise, 0.75), fourier_weight=weight)
    found = task.losses(network, batch, 0, torch.Generator().manual_seed(5))
    torch.testing.assert_close(found["loss"], expected["loss"])
    assert ("fourier" in found) == (weight > 0)


@pytest.mark.parametrize("config", [Config(normalise_patches=True), Config(fourier_weight=0.1, orthonormal=True)])
def test_options_keep_the_contract(config: Config) -> None:
    losses(task_case(masked_image, config))


def test_subsets_of_channels() -> None:
    batch, generator = image_batch(), torch.Generator().manual_seed(0)
    seen = {some_channels(batch, generator).channels for _ in range(60)}
    assert len(seen) == 7
    some = some_channels(batch, torch.Generator().manual_seed(3))
    for name, plane in zip(some.channels, some.pixels.unbind(1), strict=True):
        assert torch.equal(plane, batch.pixels[:, batch.channels.index(name)])
    task = Task(Config(channel_subsets=True), SPEC)
    network = task.network(built(ca_mae, SPEC)).train()
    losses = [task.losses(network, batch, 0, torch.Generator().manual_seed(seed))["loss"] for seed in range(4)]
    assert all(bool(loss.isfinite()) for loss in losses)
    with pytest.raises(UsageError, match="channel-agnostic"):
        task.network(built(mae, SPEC))


def test_refusals() -> None:
    for config, message in (
        (Config(fourier_weight=1.0), "fourier_weight"),
        (Config(normalise_patches=True, fourier_weight=0.1), "cannot go with"),
    ):
        with pytest.raises(UsageError, match=message):
            Task(config, SPEC)
    with pytest.raises(UsageError, match="masked encoder"):
        Task(Config(), SPEC).network(built(vit, SPEC))

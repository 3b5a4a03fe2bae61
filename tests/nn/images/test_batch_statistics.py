from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import resnet, vit
from hooke.nn.contract import built
from hooke.nn.images import batch_statistics as module
from hooke.nn.images.batch_statistics import adapt_statistics, adapted, norm_layers
from hooke.nn.images.network import ImageNetwork


def network() -> ImageNetwork:
    return ImageNetwork(built(resnet, SPEC))


def test_the_first_layer_has_the_statistics_of_the_images() -> None:
    net, batch = network(), image_batch(8)
    stem = net.encoder.stages[0]
    maps = stem[0](net.encoder.images(batch))
    assert adapt_statistics(net, [batch]) == 8
    torch.testing.assert_close(stem[1].running_mean, maps.mean((0, 2, 3)))
    torch.testing.assert_close(stem[1].running_var, maps.transpose(0, 1).flatten(1).var(1))
    assert not any(module.training for module in net.encoder.modules())
    assert all(layer.momentum == 0.1 for layer in norm_layers(net))


def test_halves_average_to_the_whole_in_the_first_layer() -> None:
    net, batch = network(), image_batch(8)
    halves = [batch.select(rows) for rows in (slice(4), slice(4, 8))]
    adapt_statistics(net, halves)
    mean = net.encoder.stages[0][1].running_mean.clone()
    adapt_statistics(net, [batch])
    torch.testing.assert_close(net.encoder.stages[0][1].running_mean, mean)


def test_statistics_are_lent_for_a_while() -> None:
    net, batch = network().train(), image_batch(8)
    plain = net.eval().embed(batch)
    with adapted(net, [batch]):
        inside = net.embed(batch)
    assert not torch.allclose(inside, plain)
    assert torch.equal(net.embed(batch), plain)


def test_statistics_of_a_key_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers from no further pass; other keys, other weights and keys that were given long ago take one."""
    net, batch, passes = network().eval(), image_batch(8), 0

    def counted(rows: slice) -> Iterator[ImageBatch]:
        nonlocal passes
        passes += 1
        yield batch.select(rows)

    def inside(key: object, rows: slice = slice(8)) -> torch.Tensor:
        with adapted(net, counted(rows), key=key):
            return net.embed(batch)

    first = inside("a")
    assert torch.equal(inside("a"), first)
    assert passes == 1
    assert not torch.allclose(inside("b", slice(3)), first)
    assert torch.equal(inside("a"), first)
    assert passes == 2
    with torch.no_grad():
        net.encoder.stages[0][0].weight.mul_(
            torch.linspace(0.5, 2, net.encoder.stages[0][0].weight.shape[0])[:, None, None, None]
        )
    inside("a")
    assert passes == 3
    monkeypatch.setattr(module, "KEPT", 1)
    inside("c")
    inside("a")
    assert passes == 5
    inside(None)
    inside(None)
    assert passes == 7


def test_a_shift_of_the_features_is_undone() -> None:
    """What a batch effect after the first convolution adds, AdaBN takes away."""
    net, batch = network(), image_batch(8)
    adapt_statistics(net, [batch])
    before = net.embed(batch)
    net.encoder.stages[0][0].weight.data *= 3.0
    assert not torch.allclose(net.embed(batch), before, atol=1e-3)
    adapt_statistics(net, [batch])
    torch.testing.assert_close(net.embed(batch), before, atol=1e-4, rtol=1e-4)


def test_what_cannot_be_adapted() -> None:
    with pytest.raises(UsageError, match="no batch norm"):
        adapt_statistics(ImageNetwork(built(vit, SPEC)), [image_batch()])
    with pytest.raises(UsageError, match="got none"):
        adapt_statistics(network(), [])

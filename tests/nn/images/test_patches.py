from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.images.patches import channel_images, channel_patches, patch_grid, patchify, unpatchify


def test_patches_are_where_they_should_be() -> None:
    images = torch.arange(2 * 3 * 4 * 6).float().view(2, 3, 4, 6)
    patches = patchify(images, 2)
    assert patches.shape == (2, 6, 12)
    for place in range(6):
        down, across = divmod(place, 3)
        expected = images[:, :, 2 * down : 2 * down + 2, 2 * across : 2 * across + 2].flatten(1)
        assert torch.equal(patches[:, place], expected)
    assert torch.equal(unpatchify(patches, (2, 3), 2), images)


def test_a_linear_map_of_patches_is_a_convolution() -> None:
    images, layer = torch.randn(2, 3, 8, 8), torch.nn.Conv2d(3, 5, 4, stride=4)
    found = torch.nn.functional.linear(patchify(images, 4), layer.weight.flatten(1), layer.bias)
    torch.testing.assert_close(found.transpose(1, 2).reshape(2, 5, 2, 2), layer(images))


def test_patches_of_single_channels() -> None:
    images = torch.randn(2, 3, 4, 6)
    tokens = channel_patches(images, 2)
    assert tokens.shape == (2, 18, 4)
    for channel in range(3):
        assert torch.equal(tokens[:, 6 * channel : 6 * channel + 6], patchify(images[:, channel : channel + 1], 2))
    assert torch.equal(channel_images(tokens, 3, (2, 3), 2), images)


def test_what_does_not_fit_is_refused() -> None:
    assert patch_grid((904, 1224), 8) == (113, 153)
    with pytest.raises(UsageError, match="multiples of 16"):
        patch_grid((904, 1224), 16)
    with pytest.raises(UsageError, match="do not fill"):
        unpatchify(torch.zeros(1, 5, 4), (2, 3), 2)
    with pytest.raises(UsageError, match="do not fill"):
        unpatchify(torch.zeros(1, 6, 5), (2, 3), 2)

"""The convolutional stem: hidden patches say nothing, norms count what is visible, one stem for all channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.images.patch_stem import FIRST_WIDTH, ConvolutionalStem
from hooke.nn.images.patches import channel_patches
from hooke.nn.masking import mask_by_noise

GRID = (3, 2)


def patches_of(channels: int = 2, items: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return channel_patches(torch.randn(items, channels, 24, 16, generator=generator, dtype=torch.float64), 8)


def stem_of() -> ConvolutionalStem:
    torch.manual_seed(0)
    stem = ConvolutionalStem(8, 12).double()
    for stage in stem.stages:
        stage.norm.running_mean.normal_(0, 0.1)
        stage.norm.running_var.uniform_(0.5, 2)
    return stem


def slow_channel(stem: ConvolutionalStem, image: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """(H, W) → (N, width), place by place and filter by filter, in evaluation mode."""
    maps = image[None]
    for stage in stem.stages:
        weight, norm = stage.convolution.weight.detach().numpy(), stage.norm
        if seen is not None:
            times = maps.shape[1] // seen.shape[0]
            maps = maps * np.kron(seen, np.ones((times, times)))
        side = weight.shape[2]
        padded = np.pad(maps, ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
        out = np.zeros((len(weight), maps.shape[1] // 2, maps.shape[2] // 2))
        for filter_, y, x in np.ndindex(out.shape):
            value = (weight[filter_] * padded[:, 2 * y : 2 * y + side, 2 * x : 2 * x + side]).sum()
            mean, variance = float(norm.running_mean[filter_]), float(norm.running_var[filter_])
            scaled = (value - mean) / (variance + norm.eps) ** 0.5
            out[filter_, y, x] = max(0.0, scaled * float(norm.weight[filter_]) + float(norm.bias[filter_]))
        maps = out
    rows = maps.reshape(len(maps), -1).T
    return rows @ stem.out.weight.detach().numpy().T + stem.out.bias.detach().numpy()


@pytest.mark.parametrize("masked", [False, True])
def test_it_agrees_with_a_slow_reference(masked: bool) -> None:
    stem, patches = stem_of().eval().requires_grad_(False), patches_of()
    masking = mask_by_noise(torch.rand(3, 12, generator=torch.Generator().manual_seed(1)), 0.5) if masked else None
    found = stem(patches, GRID, masking).detach().numpy()
    for item in range(3):
        rows = []
        for channel in range(2):
            own = patches[item, channel * 6 : (channel + 1) * 6].numpy().reshape(3, 2, 8, 8)
            seen = (
                None
                if masking is None
                else ~masking.hidden[item, channel * 6 : (channel + 1) * 6].numpy().reshape(GRID)
            )
            rows.append(slow_channel(stem, own.transpose(0, 2, 1, 3).reshape(24, 16), seen))
        expected = np.concatenate(rows)
        if masking is not None:
            expected = expected[masking.visible[item].numpy()]
        np.testing.assert_allclose(found[item], expected, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_nothing_of_a_hidden_patch_is_seen(training: bool) -> None:
    stem, patches = stem_of().train(training), patches_of()
    masking = mask_by_noise(torch.rand(3, 12, generator=torch.Generator().manual_seed(2)), 0.5)
    other = torch.where(masking.hidden[:, :, None], 7.0, patches)
    torch.testing.assert_close(stem(patches, GRID, masking), stem(other, GRID, masking), atol=1e-12, rtol=0)


def test_norms_count_the_visible_places_alone() -> None:
    stem = stem_of().train()
    masking = mask_by_noise(torch.rand(3, 12, generator=torch.Generator().manual_seed(2)), 0.5)
    stage = stem.stages[0]
    stage.norm.momentum = 1.0
    patches = patches_of()
    stem(patches, GRID, masking)
    maps = torch.where(masking.hidden[:, :, None], 0.0, patches).reshape(6, 3, 2, 8, 8)
    images = maps.permute(0, 1, 3, 2, 4).reshape(6, 1, 24, 16)
    seen = (~masking.hidden).reshape(6, 3, 2).repeat_interleave(4, 1).repeat_interleave(4, 2)
    rows = stage.convolution(images).permute(0, 2, 3, 1)[seen]
    torch.testing.assert_close(stage.norm.running_mean, rows.mean(0).detach())


def test_tokens_have_the_width_that_was_asked_for() -> None:
    stem = ConvolutionalStem(16, 2 * FIRST_WIDTH)
    assert [stage.norm.num_features for stage in stem.stages] == [16, 32, 32, 32]
    assert stem(torch.randn(2, 4, 256), (2, 2)).shape == (2, 4, 32)


@pytest.mark.parametrize("patch", [0, 1, 12])
def test_the_side_must_be_a_power_of_two(patch: int) -> None:
    with pytest.raises(UsageError, match="power of 2"):
        ConvolutionalStem(patch, 8)

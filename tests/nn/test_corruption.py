from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.corruption import corrupt, rectangles

IMAGES = torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("fill", ["zeros", "noise", "elsewhere"])
@pytest.mark.parametrize("replace", [0.0, 0.5, 1.0])
def test_the_mask_is_where_pixels_changed(fill: str, replace: float) -> None:
    damaged, mask = corrupt(IMAGES, generator(), fill=fill, replace=replace)
    changed = (damaged != IMAGES).any(1)
    if fill == "elsewhere" and replace < 1:  # a block may be copied onto itself
        assert not (changed & ~mask).any()
        assert float((changed == mask).float().mean()) > 0.98
    else:
        assert torch.equal(changed, mask)


def test_the_damaged_share_reaches_its_target() -> None:
    _, mask = corrupt(IMAGES, generator(), most=0.7, replace=0.0)
    shares = mask.float().mean((1, 2))
    assert (shares >= 0.5).all()
    assert float(shares.max()) > 0.65
    _, mask = corrupt(IMAGES, generator(), replace=1.0, replace_most=0.3)
    assert (mask.float().mean((1, 2)) >= 0.3).all()


def test_blocks_of_another_image_come_from_it() -> None:
    pair = torch.stack([torch.zeros(1, 16, 16), torch.ones(1, 16, 16)])
    damaged, mask = corrupt(pair, generator(), replace=1.0)
    assert (damaged[0][mask[0][None]] == 1).all()
    assert (damaged[1][mask[1][None]] == 0).all()
    alone, _ = corrupt(pair[1:], generator(), replace=1.0)
    assert (alone == 0).any()  # nobody to copy from: the image's own kind of damage


def test_seeds() -> None:
    first, second, third = (corrupt(IMAGES, generator(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_rectangles_start_on_the_grid() -> None:
    found = rectangles(32, 48, 0.5, 8, np.random.default_rng(0))
    assert all(top % 8 == 0 and left % 8 == 0 for top, left, _, _ in found)
    assert all(8 <= down <= 9 and 8 <= across <= 14 for _, _, down, across in found)
    for most, align in ((0.0, 1), (1.0, 1), (0.5, 40)):
        with pytest.raises(UsageError, match="corruption needs"):
            rectangles(32, 48, most, align, np.random.default_rng(0))

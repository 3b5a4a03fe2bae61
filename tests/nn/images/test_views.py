from __future__ import annotations

import torch

from hooke.nn.images.dihedral import random_view

IMAGES = torch.randn(12, 2, 16, 24, generator=torch.Generator().manual_seed(0))


def test_views_are_seeded_and_differ() -> None:
    first, second, third = (random_view(IMAGES, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == IMAGES.shape
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_view_holds_pixels_of_its_image() -> None:
    """Shifts and reflections move pixels, the bent contrast keeps their order: signs stay."""
    signs = (IMAGES > 0).float().mean((1, 2, 3))
    found = (random_view(IMAGES, torch.Generator().manual_seed(3)) > 0).float().mean((1, 2, 3))
    assert float((signs - found).abs().max()) < 0.15


def test_small_images_are_not_shifted() -> None:
    tiny = torch.randn(2, 1, 4, 4)
    view = random_view(tiny, torch.Generator().manual_seed(0))
    for image, found in zip(tiny, view, strict=True):
        order = torch.equal(image.flatten().argsort(), found.flatten().argsort())
        assert order or torch.equal(image.flip(2).flatten().argsort(), found.flatten().argsort())

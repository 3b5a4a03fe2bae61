from __future__ import annotations

import itertools

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.images.dihedral import ALL, FLIPS, ROTATIONS, inverse, random_elements, turn, turn_each


def test_the_group() -> None:
    image = torch.randn(1, 3, 3)
    images = [turn(image, element) for element in ALL]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(images, 2))
    for element in ALL:
        assert torch.equal(turn(turn(image, element), inverse(element)), image)
    for a, b in itertools.product(ALL, repeat=2):
        assert any(torch.equal(turn(turn(image, a), b), other) for other in images)
    with pytest.raises(UsageError, match="0 to 7"):
        turn(image, 8)


def test_flips_keep_the_shape() -> None:
    image = torch.randn(1, 2, 4, 6)
    assert {turn(image, element).shape for element in FLIPS} == {image.shape}
    assert torch.equal(turn(image, 4), image.flip(3))
    assert torch.equal(turn(image, 6), image.flip(2))
    assert torch.equal(turn(image, 2), image.flip(2, 3))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
def test_each_its_own_turn(dtype: torch.dtype) -> None:
    images = torch.randint(0, 200, (8, 2, 5, 5)).to(dtype)
    elements = torch.tensor([3, 0, 7, 3, 1, 4, 0, 6])
    found = turn_each(images, elements)
    assert found.dtype == dtype
    for image, element, result in zip(images, elements.tolist(), found, strict=True):
        assert torch.equal(turn(image.float(), element), result.float())


def test_quarter_turns_need_squares() -> None:
    images = torch.zeros(2, 1, 4, 6)
    assert turn_each(images, torch.tensor([4, 2])).shape == images.shape
    with pytest.raises(UsageError, match="square images"):
        turn_each(images, torch.tensor([0, 1]))


def test_random_elements_are_uniform_and_seeded() -> None:
    first, second = (random_elements(4000, torch.Generator().manual_seed(1), ROTATIONS, "cpu") for _ in range(2))
    assert torch.equal(first, second)
    assert torch.bincount(first, minlength=8)[4:].sum() == 0
    assert (torch.bincount(first)[:4] > 850).all()

from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.masking import mask_by_noise, put_back, random_noise, take, visible_count


def test_the_least_noise_stays_visible() -> None:
    masking = mask_by_noise(torch.tensor([[0.3, 0.1, 0.9, 0.2], [0.0, 0.5, 0.4, 0.6]]), 0.5)
    assert masking.visible.tolist() == [[1, 3], [0, 2]]
    assert masking.covered.tolist() == [[0, 2], [1, 3]]
    assert masking.hidden.tolist() == [[True, False, True, False], [False, True, False, True]]


def test_tokens_come_back_in_order() -> None:
    tokens = torch.arange(24.0).view(2, 4, 3)
    masking = mask_by_noise(torch.rand(2, 4, generator=torch.Generator().manual_seed(0)), 0.75)
    back = put_back(take(tokens, masking.visible), torch.full((1, 1, 3), -1.0), masking)
    assert torch.equal(back[~masking.hidden], tokens[~masking.hidden])
    assert (back[masking.hidden] == -1).all()


@pytest.mark.parametrize(
    ("tokens", "ratio", "count"), [(256, 0.75, 64), (1536, 0.75, 384), (10, 0.9, 1), (64, 0.25, 48)]
)
def test_how_many(tokens: int, ratio: float, count: int) -> None:
    assert visible_count(tokens, ratio) == count
    assert (mask_by_noise(torch.rand(3, tokens), ratio).hidden.sum(1) == tokens - count).all()


def test_nothing_visible_or_hidden_is_refused() -> None:
    for ratio in (0.0, 0.99, 1.0):
        with pytest.raises(UsageError, match="mask ratio"):
            visible_count(16, ratio)


def test_noise_comes_from_the_generator() -> None:
    first, second = (random_noise(2, 5, torch.Generator().manual_seed(3), "cpu") for _ in range(2))
    assert torch.equal(first, second)

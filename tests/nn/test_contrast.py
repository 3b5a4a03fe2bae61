from __future__ import annotations

import math

import pytest
import torch

from hooke.nn.losses import key_contrast, nt_xent


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))


def test_nt_xent_written_out() -> None:
    first, second = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)).double()
    rows, total = [*first, *second], 0.0
    for i in range(8):
        powers = [math.exp(cosine(rows[i], rows[k]) / 0.5) if k != i else 0.0 for k in range(8)]
        total -= math.log(powers[(i + 4) % 8] / sum(powers)) / 8
    assert float(nt_xent(first, second, 0.5)) == pytest.approx(total, rel=1e-10)
    assert float(nt_xent(second, first, 0.5)) == pytest.approx(total, rel=1e-10)


def test_key_contrast_written_out() -> None:
    queries, keys = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1)).double()
    total = 0.0
    for i in range(4):
        powers = [math.exp(cosine(queries[i], keys[k]) / 0.2) for k in range(4)]
        total -= 2 * 0.2 * math.log(powers[i] / sum(powers)) / 4
    assert float(key_contrast(queries, keys, 0.2)) == pytest.approx(total, rel=1e-10)

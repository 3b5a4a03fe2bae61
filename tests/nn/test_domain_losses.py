from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from hooke.nn.domain_losses import (
    coral_distance,
    coral_penalty,
    group_losses,
    irm_penalty,
    reverse_gradient,
    rows_by_domain,
    scale_gradient,
)

DOMAINS = torch.tensor([2, 0, 2, 5, 0, 2, 5])


def test_rows_by_domain() -> None:
    assert [rows.tolist() for rows in rows_by_domain(DOMAINS)] == [[1, 4], [0, 2, 5], [3, 6]]


def test_coral_in_numpy() -> None:
    rows = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)).double()
    groups = [rows[chosen].numpy() for chosen in rows_by_domain(DOMAINS)]
    expected = [
        ((a.mean(0) - b.mean(0)) ** 2).mean() + ((np.cov(a.T) - np.cov(b.T)) ** 2).mean()
        for i, a in enumerate(groups)
        for b in groups[i + 1 :]
    ]
    assert float(coral_penalty(rows, rows_by_domain(DOMAINS))) == pytest.approx(np.mean(expected), rel=1e-10)
    assert float(coral_penalty(rows, rows_by_domain(torch.zeros(7, dtype=torch.int64)))) == 0
    assert float(coral_distance(rows[:1], rows[1:])) == pytest.approx(
        float(((rows[0] - rows[1:].mean(0)) ** 2).mean()), rel=1e-10
    )


def test_scale_gradient_is_autograds() -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).double()
    target = torch.tensor([0, 3, 1, 1, 2, 0])
    for row in range(6):
        scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        functional.cross_entropy(scale * logits[row : row + 1], target[row : row + 1]).backward()
        assert float(scale_gradient(logits, target)[row]) == pytest.approx(float(scale.grad), rel=1e-10)


def test_irm_penalty() -> None:
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(1)).double()
    target = torch.tensor([0, 3, 1, 1, 2, 0, 3])
    g = scale_gradient(logits, target)
    expected = [g[1] * g[4], (g[0] + g[5]) / 2 * g[2], g[3] * g[6]]
    found = irm_penalty(logits, target, rows_by_domain(DOMAINS))
    assert float(found) == pytest.approx(float(sum(expected) / 3), rel=1e-10)
    assert float(irm_penalty(logits, target, [torch.tensor([0])])) == 0


def test_group_losses() -> None:
    means, counts = group_losses(torch.arange(7.0), DOMAINS, 6)
    assert counts.tolist() == [2, 0, 3, 0, 0, 2]
    assert means.tolist() == pytest.approx([2.5, 0, 7 / 3, 0, 0, 4.5])


def test_the_gradient_turns_round() -> None:
    rows = torch.randn(2, 3, requires_grad=True)
    reversed_rows = reverse_gradient(rows, 0.5)
    assert torch.equal(reversed_rows, rows)
    reversed_rows.sum().backward()
    assert torch.equal(rows.grad, torch.full((2, 3), -0.5))

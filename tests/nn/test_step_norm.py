"""Batch normalisation over the rows of a step; on two processes it is tested in tests/train/test_devices.py."""

from __future__ import annotations

import torch

from hooke.nn.graphs.views_of_output import StepNorm


def test_agrees_with_batch_norm_in_training_and_after_it() -> None:
    ours, theirs = StepNorm(3).double(), torch.nn.BatchNorm1d(3, affine=False).double()
    for seed in range(4):
        rows = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 5 + 100
        weights = torch.arange(21.0, dtype=torch.float64).view(7, 3).sin()
        one, two = rows.clone().requires_grad_(), rows.clone().requires_grad_()
        first, second = ours(one), theirs(two)
        torch.testing.assert_close(first, second, atol=1e-10, rtol=1e-10)
        ((first * weights).sum()).backward()
        ((second * weights).sum()).backward()
        torch.testing.assert_close(one.grad, two.grad, atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.variance, theirs.running_var)
    torch.testing.assert_close(ours.eval()(rows), theirs.eval()(rows))


def test_a_single_row_is_normalised_by_what_was_seen() -> None:
    norm = StepNorm(2)
    norm.mean.copy_(torch.tensor([1.0, 2.0]))
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    assert norm(torch.tensor([[1.0, 3.0]])).round(decimals=3).tolist() == [[0.0, 1.0]]
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())

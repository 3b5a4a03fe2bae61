from __future__ import annotations

import math

import pytest
import torch

from hooke.nn.losses import class_loss, label_means, measured_mean, ordinal_loss, regression_loss, weighted_mean


@pytest.mark.parametrize(("kind", "expected"), [("mse", [4.0, 0.25]), ("mae", [2.0, 0.5]), ("huber", [1.5, 0.125])])
def test_errors(kind, expected) -> None:
    prediction, target = torch.tensor([[1.0, 0.5]]), torch.tensor([[3.0, 0.0]])
    assert regression_loss(prediction, target, None, kind, 1.0).tolist() == [expected]


def test_censored_labels_cost_on_one_side_only() -> None:
    """Truth above 2: only predictions below 2 cost; truth below 2: only those above."""
    prediction = torch.tensor([[1.0, 3.0, 1.0, 3.0, 3.0]], requires_grad=True)
    target = torch.full((1, 5), 2.0)
    bound = torch.tensor([[1, 1, -1, -1, 0]], dtype=torch.int8)
    loss = regression_loss(prediction, target, bound, "mse", 1.0)
    assert loss.tolist() == [[1.0, 0.0, 0.0, 1.0, 1.0]]
    loss.sum().backward()
    assert prediction.grad.tolist() == [[-2.0, 0.0, 0.0, 2.0, 2.0]]


def test_classes() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)], [math.log(2.0), 0.0]]])
    target = torch.tensor([[1.0, 1.0]])
    torch.testing.assert_close(class_loss(logits, target), torch.tensor([[math.log(4 / 3), math.log(3.0)]]))


def test_hybrid_cross_entropy() -> None:
    logits = torch.zeros(1, 1, 3)
    target = torch.tensor([[2.0]])
    torch.testing.assert_close(ordinal_loss(logits, target, 0.25), torch.tensor([[0.25 * math.log(3.0) + 0.75 * 1.0]]))


def test_measured_mean_is_graphiums_formula() -> None:
    """mean(w l) · numel / number measured, and 0 without any."""
    losses = torch.rand(6, 4)
    weights = (torch.rand(6, 4) < 0.5).float()
    expected = (losses * weights).mean() * losses.numel() / weights.sum()
    torch.testing.assert_close(measured_mean(losses, weights), expected)
    assert measured_mean(losses, torch.zeros(6, 4)) == 0


def test_label_means() -> None:
    losses, measured = torch.tensor([[1.0, 5.0], [3.0, 7.0]]), torch.tensor([[True, False], [True, False]])
    means, counts = label_means(losses, measured)
    assert means.tolist() == [2, 0]
    assert counts.tolist() == [2, 0]


def test_weighted_mean() -> None:
    values = torch.tensor([1.0, 4.0, 9.0])
    assert weighted_mean(values, torch.tensor([2.0, 1.0, 0.0])) == 2
    assert weighted_mean(values, torch.zeros(3)) == 0

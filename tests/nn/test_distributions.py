"""Heads that state a distribution."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from hooke.nn.distributions import OUTPUTS, distribution_loss, stated_spread


def _softplus_inverse(value: float) -> float:
    return math.log(math.expm1(value))


def test_gaussian_equals_scipy_up_to_the_constant() -> None:
    raw = torch.tensor([[[0.3, _softplus_inverse(0.49)]]], dtype=torch.float64)
    target = torch.tensor([[1.0]], dtype=torch.float64)
    found = distribution_loss(raw, target, None, "gaussian", 0.0)
    expected = -stats.norm.logpdf(1.0, 0.3, 0.7) - 0.5 * math.log(2 * math.pi)
    assert found.item() == pytest.approx(expected, abs=1e-5)
    assert stated_spread(raw, "gaussian").item() == pytest.approx(0.7, abs=1e-5)


@pytest.mark.parametrize(
    ("bound", "expected"), [(1, stats.norm.logsf(1.0, 0.3, 0.7)), (-1, stats.norm.logcdf(1.0, 0.3, 0.7))]
)
def test_gaussian_of_censored_targets(bound: int, expected: float) -> None:
    raw = torch.tensor([[[0.3, _softplus_inverse(0.49)]]], dtype=torch.float64)
    found = distribution_loss(
        raw, torch.tensor([[1.0]], dtype=torch.float64), torch.tensor([[bound]], dtype=torch.int8), "gaussian", 0.0
    )
    assert found.item() == pytest.approx(-expected, abs=1e-4)


def test_evidential_is_the_students_t_likelihood() -> None:
    evidence, alpha, beta, centre = 2.0, 3.0, 1.5, 0.2
    raw = torch.tensor([[[centre, *map(_softplus_inverse, (evidence, alpha - 1, beta))]]], dtype=torch.float64)
    target = torch.tensor([[1.1]], dtype=torch.float64)
    scale = math.sqrt(beta * (1 + evidence) / (evidence * alpha))
    expected = -stats.t.logpdf(1.1, 2 * alpha, centre, scale)
    assert distribution_loss(raw, target, None, "evidential", 0.0).item() == pytest.approx(expected, abs=1e-4)
    with_weight = distribution_loss(raw, target, None, "evidential", 0.5).item()
    assert with_weight == pytest.approx(expected + 0.5 * 0.9 * (2 * evidence + alpha), abs=1e-4)
    variance = beta / (alpha - 1) + beta / (evidence * (alpha - 1))
    assert stated_spread(raw, "evidential").item() == pytest.approx(math.sqrt(variance), abs=1e-4)


def test_evidential_of_a_censored_target_is_one_sided() -> None:
    raw = torch.zeros(2, 1, 4)
    raw[:, 0, 0] = torch.tensor([0.0, 2.0])
    found = distribution_loss(raw, torch.ones(2, 1), torch.ones(2, 1, dtype=torch.int8), "evidential", 0.2)
    assert found[:, 0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_fit_finds_the_noise(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    target = 1 + 0.5 * torch.randn(400, 1, generator=generator)
    raw = torch.zeros(1, 1, OUTPUTS[kind], requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        distribution_loss(raw.expand(400, -1, -1), target, None, kind, 0.0).mean().backward()  # type: ignore[arg-type]
        optimiser.step()
    assert raw[0, 0, 0].item() == pytest.approx(1.0, abs=0.1)
    assert stated_spread(raw.detach(), kind).item() == pytest.approx(0.5, abs=0.15)  # type: ignore[arg-type]

"""Bases and the cutoff against their formulas, and the derivatives of the cutoff at its ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hooke.nn.atoms.radial import Exponentials, Gaussians, Sines, radial_basis, smooth_cutoff


def test_the_cutoff_and_two_derivatives_vanish_at_its_end() -> None:
    distance = torch.tensor([1e-9, 2.5, 5.0 - 1e-9, 5.0, 7.0], dtype=torch.float64, requires_grad=True)
    value = smooth_cutoff(distance, 5.0)
    [slope] = torch.autograd.grad(value.sum(), distance, create_graph=True)
    [curvature] = torch.autograd.grad(slope.sum(), distance)
    assert value.tolist() == pytest.approx([1, 0.5, 0, 0, 0], abs=1e-12)
    for derivative in (slope, curvature):
        assert derivative[[0, 2, 3, 4]].tolist() == pytest.approx([0, 0, 0, 0], abs=1e-7)


def test_bases_are_their_formulas() -> None:
    distance = np.array([0.7, 2.0, 4.9])
    given = torch.from_numpy(distance)
    places = np.linspace(0, 5, 6)
    expected = np.exp(-((distance[:, None] - places) ** 2) / 2)
    np.testing.assert_allclose(Gaussians(6, 5.0).double()(given), expected, atol=1e-6)
    expected = np.sin(distance[:, None] * np.arange(1, 5) * math.pi / 5) / distance[:, None]
    np.testing.assert_allclose(Sines(4, 5.0).double()(given), expected, atol=1e-6)
    start = math.exp(-5)
    expected = np.exp(-((2 / 7 * (1 - start)) ** -2) * (np.exp(-distance[:, None]) - np.linspace(start, 1, 7)) ** 2)
    learned = Exponentials(7, 5.0).double()
    np.testing.assert_allclose(learned(given).detach(), expected, atol=1e-6)
    assert len(list(learned.parameters())) == 2
    assert not any(each.requires_grad for each in Exponentials(7, 5.0, learned=False).parameters())
    assert isinstance(radial_basis("sine", 4, 5.0), Sines)

"""DimeNet++ against a plain float64 computation, triplet by triplet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre, spherical_jn
from tests.models.conftest import require_plain

from hooke.modalities.atoms import MODALITY
from hooke.models import dimenet_plus_plus
from hooke.nn.atoms.energy_model import derivatives

TINY = dimenet_plus_plus.PRESETS["tiny"]


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def zero(order: int, number: int) -> float:
    """The zero of a spherical Bessel function by its changes of sign on a fine grid and bisection."""
    grid = np.arange(0.5, 60, 0.01)
    signs = np.sign(spherical_jn(order, grid))
    low = float(grid[np.flatnonzero(signs[1:] != signs[:-1])[number - 1]])
    high = low + 0.01
    for _ in range(60):
        middle = (low + high) / 2
        same = np.sign(spherical_jn(order, middle)) == np.sign(spherical_jn(order, low))
        low, high = (middle, high) if same else (low, middle)
    return low


def reference(model: Any, config: dimenet_plus_plus.Config, numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(outputs,) of one frame by loops over directed edges and triplets."""
    w = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    atoms = range(len(numbers))

    def linear(name: str, rows: np.ndarray) -> np.ndarray:
        return rows @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)

    def residual(name: str, rows: np.ndarray) -> np.ndarray:
        return rows + silu(linear(f"{name}.second", silu(linear(f"{name}.first", rows))))

    vectors = {(j, i): positions[i] - positions[j] for j in atoms for i in atoms if i != j}
    edges = {edge: r for edge, r in vectors.items() if np.linalg.norm(r) < config.cutoff}
    zeros = [[zero(order, n) for n in range(1, config.radial + 1)] for order in range(config.spherical)]
    basis, spherical = {}, {}
    for edge, r in edges.items():
        x = np.linalg.norm(r) / config.cutoff
        fade = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8
        basis[edge] = fade * np.sin(w["sines.frequencies"] * x) / x
        spherical[edge] = [
            [fade * np.sqrt(2) / abs(spherical_jn(order + 1, z)) * spherical_jn(order, z * x) for z in zeros[order]]
            for order in range(config.spherical)
        ]
    h = w["embedding.elements.weight"][numbers]
    m = {
        (j, i): silu(
            linear("embedding.mix", np.concatenate([h[i], h[j], silu(linear("embedding.radial", basis[j, i]))]))
        )
        for j, i in edges
    }
    rows = []

    def output(block: int) -> np.ndarray:
        p = f"outputs.{block}."
        t = np.zeros((len(numbers), config.width))
        for (j, i), message in m.items():
            t[i] += linear(p + "radial", basis[j, i]) * message
        t = linear(p + "up", t)
        for layer in (0, 2, 4):
            t = silu(linear(f"{p}layers.{layer}", t))
        return t

    rows.append(output(0))
    for layer in range(config.depth):
        p, changed = f"layers.{layer}.", {}
        for (j, i), message in m.items():
            gathered = np.zeros(config.triplet_width)
            for k in atoms:
                if k == i or (k, j) not in edges:
                    continue
                first, second = positions[k] - positions[j], positions[i] - positions[j]
                cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
                angular = [
                    np.array(spherical[k, j][order])
                    * np.sqrt((2 * order + 1) / (4 * np.pi))
                    * eval_legendre(order, cosine)
                    for order in range(config.spherical)
                ]
                by_distance = linear(p + "radial.1", linear(p + "radial.0", basis[k, j]))
                by_angle = linear(p + "angular.1", linear(p + "angular.0", np.concatenate(angular)))
                gathered += silu(linear(p + "down", silu(linear(p + "sent", m[k, j])) * by_distance)) * by_angle
            row = silu(linear(p + "own", message)) + silu(linear(p + "up", gathered))
            row = silu(linear(p + "middle", residual(p + "before.0", row))) + message
            changed[j, i] = residual(p + "after.1", residual(p + "after.0", row))
        m = changed
        rows.append(output(layer + 1))
    return linear("readout", np.concatenate(rows, axis=1)).sum(axis=0)


def built(config: dimenet_plus_plus.Config) -> dimenet_plus_plus.Model:
    """Made in float64, constants included."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    try:
        return dimenet_plus_plus.Model(config, MODALITY.sample().spec)
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_network_is_the_plain_computation() -> None:
    sample, config = MODALITY.sample(), replace(TINY, cutoff=2.2, depth=2)
    model = built(config)
    require_plain(model, config, reference, sample.batch(range(0, 24, 7), sample.spec))


def test_zeros_and_functions_of_all_orders_at_all_distances() -> None:
    zeros = dimenet_plus_plus.bessel_zeros(7, 6)
    expected = [[zero(order, n) for n in range(1, 7)] for order in range(7)]
    np.testing.assert_allclose(zeros, expected, rtol=1e-13)
    x = np.linspace(0, 1, 101)
    basis = dimenet_plus_plus.SphericalBessel(7, 6)
    found = basis(torch.from_numpy(x).float()).numpy()
    fade = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8
    for order in range(7):
        factor = np.sqrt(2 * (2 * order + 1) / (4 * np.pi)) / np.abs(spherical_jn(order + 1, zeros[order]))
        wanted = fade[:, None] * factor * spherical_jn(order, zeros[order] * x[:, None])
        np.testing.assert_allclose(found[:, order], wanted, atol=1e-5)  # float32, at small distances too


@pytest.mark.parametrize("training", [False, True])
def test_sums_in_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch, training: bool) -> None:
    sample, model = MODALITY.sample(), built(TINY)
    batch = sample.batch(range(0, 24, 9), sample.spec)

    def run() -> list[torch.Tensor]:
        model.zero_grad()
        found = derivatives(model, batch, keep_graph=training)
        if training:
            found.forces.square().sum().backward()
        return [
            found.energies.detach(),
            found.forces.detach(),
            *(p.grad for p in model.parameters() if p.grad is not None),
        ]

    whole = run()
    monkeypatch.setattr(dimenet_plus_plus, "_PIECE", 37)
    for one, other in zip(whole, run(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-10)


def test_the_size_of_the_published_network() -> None:
    spec = MODALITY.sample().spec
    model = dimenet_plus_plus.Model(dimenet_plus_plus.PRESETS["paper"], spec.with_labels(spec.energies))
    # torch_geometric.nn.models.DimeNetPlusPlus(128, 1, 4, 64, 8, 256, 7, 6) has 1,885,830, with 95 elements instead of 100
    assert sum(each.numel() for each in model.parameters()) == 1_885_830 + 5 * 128

"""Priors by their covariance, alignment against SciPy, the path by its exact field, samplers by their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hooke.atoms.conformers.batch import ConformerBatch, conformer_batch
from hooke.atoms.conformers.graph import graph_of_smiles
from hooke.nn.atoms.flow import aligned, draw, integrate, path


def batch_of(*smiles: str, copies: int = 1) -> ConformerBatch:
    graphs = [graph_of_smiles(each) for each in smiles]
    positions = [graph.molecule.conformers(1, 1)[0] for graph in graphs]
    rows = np.repeat(np.arange(len(graphs)), copies)
    return conformer_batch(
        [graphs[row] for row in rows], [positions[row] for row in rows], np.arange(len(rows)), dtype=torch.float64
    )


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("smiles", ["C[NH3+].[Cl-]", "CO", "[He]"])
def test_covariance_of_the_harmonic_prior(smiles: str) -> None:
    """To 2 % of its largest entry over 10⁵ draws of three coordinates; fragments apart are centred first."""
    graph, copies = graph_of_smiles(smiles), 2000
    batch = batch_of(smiles, copies=copies)
    covariance = np.zeros((len(graph.features),) * 2)
    source = generator()
    for _ in range(50):
        found = draw(batch, "harmonic", source).numpy().reshape(copies, -1, 3)
        for atoms in graph.molecule.fragments:
            found[:, atoms] -= found[:, atoms].mean(axis=1, keepdims=True)
        covariance += np.einsum("nix,njx->ij", found, found) / (3 * copies * 50)
    expected = graph.factor @ graph.factor.T
    assert np.abs(covariance - expected).max() <= 0.02 * max(expected.max(), 1e-12)


def test_other_priors() -> None:
    batch = batch_of("CO", "CC", copies=200)
    found = draw(batch, "gaussian", generator())
    torch.testing.assert_close(batch.means(found), torch.zeros_like(batch.means(found)), atol=1e-12, rtol=0)
    assert float(found.std()) == pytest.approx((1 - 1 / 7) ** 0.5, rel=0.03)
    starts = torch.stack([batch.positions + number for number in range(3)])
    found = draw(replace(batch, starts=starts), "etkdg", generator())
    chosen = (found - batch.positions)[:, 0].round()
    assert set(chosen.tolist()) == {0.0, 1.0, 2.0}
    assert all(len(chosen[batch.frame == frame].unique()) == 1 for frame in range(batch.num_items))


def test_alignment_is_the_best_proper_rotation() -> None:
    batch = batch_of("CCO", "C[NH3+].[Cl-]", "[He]", "[H][H]", "O")
    start = draw(batch, "harmonic", generator(1))
    found = aligned(batch, start, batch.positions)
    for frame in range(batch.num_items):
        own = batch.frame == frame
        one, turned, other = start[own], found[own], batch.positions[own]
        assert float((turned - other).norm()) <= float((one - other).norm()) + 1e-9  # never worse
        torch.testing.assert_close(torch.cdist(turned, turned), torch.cdist(one, one), atol=1e-6, rtol=0)
        if len(one) > 2:
            _, error = Rotation.align_vectors(other.numpy(), one.numpy())
            assert float((turned - other).norm()) == pytest.approx(error, abs=1e-8)
    mirrored = aligned(batch, batch.positions * torch.tensor([1.0, 1.0, -1.0]), batch.positions)
    three = batch.frame == 0
    assert float((mirrored - batch.positions)[three].norm()) > 0.1  # a reflection is no rotation


def test_the_path_has_its_ends_and_its_velocity() -> None:
    batch = batch_of("CCO")
    start = aligned(batch, draw(batch, "harmonic", generator()), batch.positions)
    for time, expected in ((0.0, start), (1.0, batch.positions)):
        there, _ = path(batch, start, torch.tensor([time], dtype=torch.float64), 0.0, generator())
        torch.testing.assert_close(there, expected)
    step = 1e-6
    near = [
        path(batch, start, torch.tensor([0.3 + each], dtype=torch.float64), 0.1, generator(5))
        for each in (-step, 0, step)
    ]
    torch.testing.assert_close((near[2][0] - near[0][0]) / (2 * step), near[1][1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2)])
def test_order_of_the_samplers(sampler: str, order: int) -> None:
    """dx/dt = x cos t has x(1) = x(0) exp(sin 1)."""
    batch = batch_of("CO")
    exact = batch.positions * np.exp(np.sin(1.0))

    def field(there: ConformerBatch) -> torch.Tensor:
        return there.positions * there.time.cos()[there.frame][:, None]

    errors = []
    for steps in (8, 16, 32):
        found = integrate(field, batch, batch.positions, steps, sampler)  # type: ignore[arg-type]
        errors.append(float((found - exact).norm()))
    measured = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.abs(measured - order).max() < 0.2


def test_the_exact_field_leads_to_the_conformer_by_every_sampler() -> None:
    batch = batch_of("CCO", "C[NH3+].[Cl-]")

    def field(there: ConformerBatch) -> torch.Tensor:
        return (batch.positions - there.positions) / (1 - there.time)[there.frame][:, None]

    source = generator(2)
    for sampler in ("euler", "heun", "stochastic"):
        start = aligned(batch, draw(batch, "harmonic", source), batch.positions)
        found = integrate(
            field, batch, start, 10, sampler, renew=lambda: draw(batch, "harmonic", source)  # type: ignore[arg-type]
        )  # fmt: skip
        torch.testing.assert_close(found, batch.positions, atol=2e-3, rtol=0)
    half = integrate(field, batch, (start + batch.positions) / 2, 5, "euler", begin=0.5)
    torch.testing.assert_close(half, batch.positions, atol=2e-3, rtol=0)

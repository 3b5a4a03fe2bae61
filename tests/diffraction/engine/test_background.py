from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import gammaln, logsumexp

from hooke.core.errors import UsageError
from hooke.diffraction.engine.background import BackgroundEngine
from hooke.diffraction.engine.em import Engine
from hooke.diffraction.engine.expansion import Expansion
from hooke.diffraction.engine.frames import Frames
from hooke.diffraction.rotations import TETRAHEDRAL, Rotations


def parts(case: Any) -> tuple[Frames, np.ndarray, Expansion]:
    frames = Frames(case.starts, case.pixels, case.counts, case.mask, dtype=torch.float64)
    expansion = Expansion(case.points[frames.order], case.rotations, 13, dtype=torch.float64)
    return frames, case.weights[frames.order], expansion


def test_it_is_the_plain_formula(case: Any) -> None:
    frames, weights, expansion = parts(case)
    generator = np.random.default_rng(0)
    background = generator.uniform(0.1, 0.5, len(weights))
    engine = BackgroundEngine(frames, weights, expansion, background=background, threshold=0.0)
    state = engine.start(torch.tensor(case.volume)[None])
    phi, level = (generator.uniform(0.5, 1.5, len(frames)) for _ in range(2))
    state = replace(state, fluences=torch.tensor(phi), levels=torch.tensor(level), iteration=1)
    table = torch.cat(
        [expansion.expand(expansion.stacked(state.models), chunk) for chunk in expansion.chunks()], 1
    ).numpy()
    counts, orient = case.dense[frames.usable][:, frames.order], frames.orient
    own = phi[:, None, None] * weights[:, None] * np.maximum(table, 1e-4)
    expected = own + level[:, None, None] * background[:, None]
    terms = counts[:, :, None] * np.log(expected) - expected
    logits = terms[:, :orient].sum(1) + np.log(case.rotations.weights)
    constants = gammaln(counts[:, :orient] + 1).sum(1)
    new, step = engine.step(state, beta=0.6)
    assert step.log_likelihood == pytest.approx((logsumexp(logits, 1) - constants).mean(), rel=1e-10)
    annealed = 0.6 * terms[:, :orient].sum(1) + np.log(case.rotations.weights)
    posteriors = np.exp(annealed - logsumexp(annealed, 1, keepdims=True))
    split = counts[:, :, None] * own / expected * posteriors[:, None]
    objects = split[:, :orient].sum((1, 2))
    light = posteriors @ (weights[:orient] @ np.maximum(table[:orient], 1e-4))
    np.testing.assert_allclose(new.fluences.numpy(), objects / light / np.mean(objects / light), rtol=1e-9)
    assert new.levels is not None
    background_counts = (counts[:, :orient].sum(1) - objects) / background[:orient].sum()
    np.testing.assert_allclose(new.levels.numpy(), background_counts, rtol=1e-8)
    merged = sum(expansion.merge(torch.tensor(split.sum(0))[:, chunk], chunk) for chunk in expansion.chunks())
    exposed = torch.tensor(weights[:, None] * ((objects / light) @ posteriors))
    exposures = sum(expansion.merge(exposed[:, chunk].contiguous(), chunk) for chunk in expansion.chunks())
    ratio = (merged / exposures * np.mean(objects / light)).clamp(min=1e-4)
    seen = exposures > 0
    torch.testing.assert_close(new.models.reshape(1, -1)[seen], ratio[seen], rtol=1e-8, atol=1e-10)


def test_a_vanishing_background_changes_nothing(case: Any) -> None:
    frames, weights, expansion = parts(case)
    tiny = np.full(len(weights), 1e-13)
    engines = (Engine(frames, weights, expansion), BackgroundEngine(frames, weights, expansion, background=tiny))
    states = [replace(engine.start(torch.tensor(case.volume)[None]), iteration=1) for engine in engines]
    (first, step), (second, other) = (
        engine.step(state, beta=0.5) for engine, state in zip(engines, states, strict=True)
    )
    torch.testing.assert_close(first.models, second.models, rtol=1e-6, atol=1e-9)
    assert step.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-9)


def test_the_likelihood_never_falls_where_pixels_lie_on_voxels(as_sparse: Any) -> None:
    grid = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 2, [0, 1], indexing="ij"), -1).reshape(-1, 3).astype(float)
    generator = np.random.default_rng(0)
    background = generator.uniform(0.2, 1.0, len(grid))
    dense = generator.poisson(generator.gamma(0.5, 4, len(grid)) + background, (40, len(grid)))
    frames = Frames(*as_sparse(dense), np.zeros(len(grid), int), dtype=torch.float64)
    rotations = Rotations(TETRAHEDRAL, np.full(12, 1 / 12), TETRAHEDRAL, 1.0)
    expansion = Expansion(grid[frames.order], rotations, 11, dtype=torch.float64)
    engine = BackgroundEngine(frames, np.ones(len(grid)), expansion, background=background, threshold=0.0)
    state, likelihoods = engine.start(torch.rand(1, 11, 11, 11, dtype=torch.float64) + 0.5), []
    for _ in range(20):
        state, step = engine.step(state, beta=1.0)
        likelihoods.append(step.log_likelihood)
    assert np.diff(likelihoods).min() >= -1e-9
    assert likelihoods[-1] > likelihoods[0] + 1


@pytest.mark.parametrize("value", [-1.0, 0.0, np.nan])
def test_backgrounds_that_are_none_are_refused(case: Any, value: float) -> None:
    frames, weights, expansion = parts(case)
    with pytest.raises(UsageError, match="never negative, and not 0 everywhere"):
        BackgroundEngine(frames, weights, expansion, background=np.full(len(weights), value))
    with pytest.raises(UsageError, match="smaller n"):
        BackgroundEngine(frames, weights, expansion, background=np.ones(len(weights)), table_bytes=0)

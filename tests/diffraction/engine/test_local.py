from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.diffraction.engine.em import Engine, friedel
from hooke.diffraction.engine.expansion import Expansion
from hooke.diffraction.engine.frames import Frames
from hooke.diffraction.engine.local import LocalEngine


def engines(case: Any, candidates: Any, models: int = 1, **options: Any) -> tuple[Engine, LocalEngine]:
    frames = Frames(case.starts, case.pixels, case.counts, case.mask, dtype=torch.float64)
    expansion = Expansion(case.points[frames.order], case.rotations, 13, models=models, dtype=torch.float64)
    given = (frames, case.weights[frames.order], expansion)
    options = {"symmetrise": friedel, **options}
    return Engine(*given, **options), LocalEngine(
        *given, candidates=candidates(len(frames), len(case.rotations)), **options
    )


@pytest.mark.parametrize("iteration", [0, 1])
@pytest.mark.parametrize("beta", [0.4, 1.0])
def test_all_rotations_as_candidates_are_the_whole_iteration(case: Any, iteration: int, beta: float) -> None:
    whole, local = engines(case, lambda frames, rotations: [np.arange(rotations)] * frames, models=2)
    rng = np.random.default_rng(0)
    models = torch.as_tensor(rng.uniform(0.5, 1.5, (2, 13, 13, 13)))
    state = replace(whole.start(models), iteration=iteration)
    (first, one), (second, two) = (each.step(state, beta=beta) for each in (whole, local))
    torch.testing.assert_close(second.models, first.models, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(second.fluences, first.fluences, rtol=1e-10, atol=0)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-11)
    assert two.information == pytest.approx(one.information, rel=1e-9)
    assert two.kept == pytest.approx(one.kept)
    np.testing.assert_array_equal(two.best, one.best)
    np.testing.assert_allclose(two.probability, one.probability, rtol=1e-9)


def test_a_frame_takes_none_but_its_candidates(case: Any) -> None:
    rng = np.random.default_rng(1)
    chosen = [np.sort(rng.permutation(60)[: 1 + frame % 3]) for frame in range(23)]
    _, local = engines(case, lambda frames, rotations: chosen)
    new, step = local.step(local.start(torch.as_tensor(case.volume[None])))
    rotation, _ = local.expansion.which(step.best)
    assert all(place in own for place, own in zip(rotation, chosen, strict=True))
    alone = [frame for frame, own in enumerate(chosen) if len(own) == 1]
    np.testing.assert_allclose(step.probability[alone], 1)
    assert torch.isfinite(new.models).all()


def test_refusals(case: Any) -> None:
    with pytest.raises(UsageError, match="needs a rotation that is tried"):
        engines(case, lambda frames, rotations: [np.arange(0)] * frames)
    with pytest.raises(UsageError, match="merges counts"):
        engines(case, lambda frames, rotations: [np.arange(2)] * frames, merge="normalised")

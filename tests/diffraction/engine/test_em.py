from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import gammaln, logsumexp

from hooke.core.errors import UnknownNameError
from hooke.diffraction.engine.em import Engine, State, friedel
from hooke.diffraction.engine.expansion import Expansion
from hooke.diffraction.engine.frames import Frames
from hooke.diffraction.rotations import TETRAHEDRAL, Rotations, rotation_matrices


def engine_of(case: Any, *, dense: bool | None = True, models: int = 1, side: int = 13, **options: Any) -> Engine:
    frames = Frames(case.starts, case.pixels, case.counts, case.mask, dense=dense, dtype=torch.float64)
    expansion = Expansion(case.points[frames.order], case.rotations, side, models=models, dtype=torch.float64)
    return Engine(frames, case.weights[frames.order], expansion, **options)


def first_state(engine: Engine, case: Any, models: int = 1) -> State:
    generator = np.random.default_rng(3)
    volumes = np.stack([case.volume * generator.uniform(0.5, 1.5, case.volume.shape) for _ in range(models)])
    return engine.start(torch.tensor(volumes))


def plain_step(
    case: Any, model: np.ndarray, phi: np.ndarray, beta: float, threshold: float, scaled: bool
) -> dict[str, Any]:
    """The equations of the module, one pixel after the other, for one model."""
    side, floor = model.shape[0], 1e-4
    pixels = [*np.flatnonzero(case.mask == 0), *np.flatnonzero(case.mask == 1)]
    orient = int((case.mask == 0).sum())
    frames = [d for d in range(len(case.dense)) if case.dense[d, pixels[:orient]].sum() > 0]
    counts, exposures = np.zeros(model.size), np.zeros(model.size)
    corners, read = {}, np.zeros((len(case.rotations), len(pixels)))
    for r, matrix in enumerate(rotation_matrices(case.rotations.quaternions)):
        for t, pixel in enumerate(pixels):
            place = matrix @ case.points[pixel] + side // 2
            low = np.minimum(np.floor(place).astype(int), side - 2)
            share = place - low
            corners[r, t] = [
                (
                    np.ravel_multi_index(tuple(low + corner), model.shape),
                    np.prod([s if c else 1 - s for s, c in zip(share, corner, strict=True)]),
                )
                for corner in np.ndindex(2, 2, 2)
            ]
            read[r, t] = sum(weight * model.flat[voxel] for voxel, weight in corners[r, t])
    omega = case.weights[pixels]
    orients = np.maximum(read[:, :orient], floor)
    likelihoods, posteriors, fluences = [], [], []
    for place, d in enumerate(frames):
        k = case.dense[d, pixels]
        expected = phi[place] * omega[:orient] * orients
        logits = (k[:orient] * np.log(expected) - expected).sum(1)
        likelihoods.append(logsumexp(logits + np.log(case.rotations.weights)) - gammaln(k[:orient] + 1).sum())
        weighted = beta * logits + np.log(case.rotations.weights)
        posterior = np.exp(weighted - logsumexp(weighted))
        if scaled:
            fluences.append(k[:orient].sum() / (posterior @ (orients @ omega[:orient])))
        else:
            fluences.append(phi[place])
        posteriors.append(np.where(posterior >= threshold * posterior.max(), posterior, 0))
    for place, d in enumerate(frames):
        for r in range(len(case.rotations)):
            for t, pixel in enumerate(pixels):
                for voxel, weight in corners[r, t]:
                    counts[voxel] += weight * posteriors[place][r] * case.dense[d, pixel]
                    exposures[voxel] += weight * posteriors[place][r] * omega[t] * fluences[place]
    mean = np.mean(fluences)
    new = model.copy().ravel()
    seen = exposures > 0
    new[seen] = np.maximum(counts[seen] / exposures[seen] * mean, floor)
    return {
        "model": new.reshape(model.shape), "fluences": np.array(fluences) / mean, "likelihood": np.mean(likelihoods), "seen": seen,
        "frames": frames,
    }  # fmt: skip


@pytest.mark.parametrize("iteration", [0, 1])
def test_dense_sparse_and_two_passes_are_a_plain_loop(case: Any, iteration: int) -> None:
    beta, threshold = 0.4, 1e-3
    expected = None
    for options in (
        {"dense": True},
        {"dense": False},
        {"dense": True, "table_bytes": 0},
        {"dense": False, "table_bytes": 0},
    ):
        engine = engine_of(case, threshold=threshold, **options)
        generator = np.random.default_rng(5)
        phi = generator.uniform(0.6, 1.4, len(engine.frames))
        state = replace(first_state(engine, case), fluences=torch.tensor(phi), iteration=iteration)
        if expected is None:
            expected = plain_step(case, state.models[0].numpy(), phi, beta, threshold, iteration > 0)
            assert expected["frames"] == engine.frames.usable.tolist() == list(range(1, 24))
        new, step = engine.step(state, beta=beta)
        assert engine.whole == ("table_bytes" not in options)
        np.testing.assert_allclose(new.models[0].numpy(), expected["model"], rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(new.fluences.numpy(), expected["fluences"], rtol=1e-9)
        assert step.log_likelihood == pytest.approx(expected["likelihood"], rel=1e-10)
        np.testing.assert_array_equal(new.seen[0].numpy().ravel(), expected["seen"])
        assert 0 < step.kept < 1


def test_few_posteriors_are_merged_one_by_one_with_the_same_result(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(case)
    state = replace(first_state(engine, case), iteration=1)
    found = []
    for few in (0.0, 1.0):
        monkeypatch.setattr("hooke.diffraction.engine.em._FEW", few)
        found.append(engine.step(state, beta=1.0)[0].models)
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-12)


def test_information_stands_on_the_ramp(case: Any) -> None:
    for table_bytes in (0, 1 << 30):
        engine = engine_of(case, sample=np.arange(23), table_bytes=table_bytes)
        _, step = engine.step(first_state(engine, case), target=1.5)
        assert step.information == pytest.approx(1.5, abs=1e-3)
        assert 0 < step.beta < 1


def test_the_likelihood_never_falls_where_pixels_lie_on_voxels(as_sparse: Any) -> None:
    """Points of the grid, rotations that permute axes; three models at once, fluences free, Friedel mates together."""
    grid = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 2, [0, 1], indexing="ij"), -1).reshape(-1, 3).astype(float)
    rotations = Rotations(TETRAHEDRAL, np.full(12, 1 / 12), TETRAHEDRAL, 1.0)
    generator = np.random.default_rng(0)
    dense = generator.poisson(
        np.exp(generator.normal(0, 1, (40, 1)))
        * 2
        * generator.gamma(0.5, 2, (3, len(grid)))[generator.integers(0, 3, 40)]
    )
    starts, pixels, counts = as_sparse(dense)
    frames = Frames(starts, pixels, counts, np.zeros(len(grid), int), dtype=torch.float64)
    expansion = Expansion(grid[frames.order], rotations, 11, models=3, dtype=torch.float64)
    engine = Engine(
        frames, np.full(len(grid), 1.0), expansion, threshold=0.0, symmetrise=friedel,
    )  # fmt: skip
    models = torch.tensor(np.random.default_rng(1).uniform(0.5, 3, (3, 11, 11, 11)))
    state = engine.start(models + models.flip(1, 2, 3))
    likelihoods = []
    for _ in range(25):
        state, step = engine.step(state, beta=1.0)
        likelihoods.append(step.log_likelihood)
    assert np.diff(likelihoods).min() >= -1e-9
    assert likelihoods[-1] > likelihoods[0] + 1
    assert float(state.fluences.mean()) == pytest.approx(1)
    torch.testing.assert_close(state.models, state.models.flip(1, 2, 3))


def test_the_mean_of_normalised_views_weighs_views_alike(case: Any) -> None:
    engine = engine_of(case, merge="normalised")
    state = first_state(engine, case)
    other, _ = engine_of(case).step(state, beta=0.3)
    new, _ = engine.step(state, beta=0.3)
    assert torch.equal(new.seen, other.seen)
    assert float((new.models - other.models).abs().max()) > 1e-3
    assert float((new.models / other.models)[new.seen].median()) == pytest.approx(1, abs=0.1)
    with pytest.raises(UnknownNameError, match="normalised"):
        engine_of(case, merge="normalized")


def test_unseen_voxels_keep_their_value_and_are_marked(case: Any) -> None:
    engine = engine_of(case)
    state = first_state(engine, case)
    new, _ = engine.step(state, beta=1.0)
    assert not new.seen[0, 0, 0, 0]
    assert torch.equal(new.models[~new.seen], state.models[~new.seen])


def test_a_hidden_volume_is_found_from_photons(blob_case: Any) -> None:
    """From a random start, the frames' rotations are found, up to one common rotation and half a turn about the beam."""
    from hooke.diffraction.engine.annealing import Annealing
    from hooke.diffraction.rotations import angle_between, inverse, multiply

    case = blob_case
    frames = Frames(case.starts, case.pixels, case.counts, case.mask)
    expansion = Expansion(case.points[frames.order], case.rotations, 21)
    engine = Engine(frames, case.weights[frames.order], expansion, symmetrise=friedel)
    start = torch.rand(1, 21, 21, 21, generator=torch.Generator().manual_seed(1)) + 0.5
    scale = frames.photons.mean() / float(start.mean() * engine.weights[: frames.orient].sum())
    state, annealing = engine.start(start * scale), Annealing(iterations=20)
    _, first = engine.step(state)
    for iteration in range(20):
        state, step = engine.step(state, target=annealing.target(iteration, len(case.rotations)))
    rotation, _ = expansion.which(step.best)
    found, truth = case.rotations.quaternions[rotation], case.truth[frames.usable]
    half_turn = np.array([0.0, 0, 0, 1])  # about the beam, which a nearly flat detector hardly tells
    common = [multiply(found, inverse(each)) for each in (truth, multiply(truth, half_turn))]
    errors = [np.min([angle_between(part, each) for part in common], axis=0) for each in common[0][:20]]
    assert max((error < 2 * case.rotations.spacing).mean() for error in errors) > 0.5  # 0.02 by chance
    assert step.log_likelihood > first.log_likelihood + 50

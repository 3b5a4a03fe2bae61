from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.cells.conftest import noise

from hooke.evaluate.ceilings import (
    Parts,
    bootstrap_halves,
    ceilings,
    correlation,
    draw_halves,
    full_reliability,
    noise_free_limit,
    null_draws,
    shared_control,
    split,
    weighted,
)


def test_on_noise_only_the_disjoint_estimator_shows_nothing() -> None:
    """Twenty screens without any effect: the interval of the ceiling holds 0, the others show what they share."""
    found = [ceilings(noise(seed, perturbations=12, genes=200))[0] for seed in range(20)]
    assert sum(each.interval.low <= 0 <= each.interval.high for each in found) >= 17
    assert not any(each.is_evaluable for each in found)
    assert abs(np.mean([each.interval.value for each in found])) < 0.02
    for cells, controls in ((100, 200), (200, 100)):
        shared = np.mean(
            [
                shared_control(noise(seed, perturbations=12, cells=cells, controls=controls, genes=200)).mean()
                for seed in range(8)
            ]
        )
        half = cells / 2
        assert shared == pytest.approx(half / (half + controls), abs=0.05)


@pytest.mark.parametrize(("cells", "controls"), [(20, 40), (100, 100)])
def test_bootstrap_shows_one_half_at_any_number_of_cells(cells: int, controls: int) -> None:
    generator = np.random.default_rng(0)
    values = [
        bootstrap_halves(
            generator.normal(size=(cells, 200)), generator.normal(size=(controls, 200)), draws=10, seed=seed
        )
        for seed in range(10)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=0.05)


def test_a_strong_effect_is_evaluable_and_reliability_follows_from_the_variances() -> None:
    parts = noise(0, effect=0.3, genes=400)
    found = ceilings(parts)[0]
    signal, error = 0.3**2, 1 / 50 + 1 / 100  # of means of 50 cells and of 100 controls
    assert found.interval.value == pytest.approx(signal / (signal + error), abs=0.03)
    assert found.is_evaluable
    assert found.evaluable.all()
    assert found.cells_needed(found.interval.value) == 1
    assert found.replicate_reaches == pytest.approx(signal / (signal + error / 2), abs=0.03)
    assert found.noise_free_limit == pytest.approx(np.sqrt(found.replicate_reaches))
    low, high = found.null_band
    assert low < 0 < high < 0.3


def test_the_number_of_cells_that_would_do_does() -> None:
    weak = ceilings(noise(1, effect=0.06, genes=400))[0]
    assert not weak.is_evaluable
    times = weak.cells_needed(weak.interval.value)
    assert 1.5 < times < 20
    more = int(np.ceil(times))
    assert ceilings(noise(1, effect=0.06, genes=400, cells=100 * more, controls=200 * more))[0].is_evaluable
    assert np.isnan(weak.cells_needed(-0.1))


def test_reliability_is_not_claimed_without_any() -> None:
    assert full_reliability(np.array([0.5])) == pytest.approx(2 / 3)
    assert np.isnan(full_reliability(np.array([0.0, -0.2]))).all()
    assert noise_free_limit(np.array([0.5])) == pytest.approx(np.sqrt(2 / 3))


def test_pieces_are_disjoint_and_of_equal_size() -> None:
    generator = np.random.default_rng(0)
    counts = np.array([[1, 1, 1, 1, 1, 1, 1, 1], [2, 0, 2, 2, 0, 0, 2, 0], [1, 0, 0, 0, 0, 0, 0, 0], [0] * 8])
    for pieces, sizes in ((2, [4, 2, 0, 0]), (4, [2, 1, 0, 0])):
        chosen = split(counts, pieces, generator)
        assert chosen.sum(axis=0).max() <= 1
        assert (chosen * (counts == 0)).sum() == 0
        for row, size in enumerate(sizes):
            assert (chosen[:, row].sum(axis=1) == size).all()


def batches(shift: float) -> Parts:
    """Two batches that differ by a shift of all genes; one perturbation has most of its cells in the second."""
    generator = np.random.default_rng(3)
    parts, control_parts, genes = 8, 8, 100
    offset = shift * generator.normal(size=(2, genes))
    numbers = np.array([[[2] * parts, [6] * parts], [[5] * parts, [3] * parts]], float)
    effect = generator.normal(size=(2, 1, genes))
    counts = numbers.sum(axis=1)
    noise_ = generator.normal(size=(2, parts, genes)) * np.sqrt(counts)[..., None]
    sums = counts[..., None] * effect + np.einsum("rck,cg->rkg", numbers, offset) + noise_
    control_counts = np.full((2, control_parts), 10.0)
    controls = control_counts[..., None] * offset[:, None] + generator.normal(size=(2, control_parts, genes)) * np.sqrt(
        10
    )
    return Parts(
        sums,
        counts,
        controls,
        control_counts,
        numbers,
        sums[:, :2],
        controls[:, :2],
        np.zeros(2, int),
        np.zeros(2, int),
        np.ones((2, genes), bool),
    )


def test_controls_of_the_own_batches_are_taken_away() -> None:
    """Differences between batches of any size leave deltas and ceilings as they are."""
    same, shifted = batches(0.0), batches(50.0)
    for (_, first), (_, second) in zip(
        draw_halves(same, np.random.default_rng(1)), draw_halves(shifted, np.random.default_rng(1)), strict=True
    ):
        assert np.allclose(first.deltas, second.deltas, atol=1e-9)
    assert np.allclose(ceilings(same)[0].draws, ceilings(shifted)[0].draws, atol=1e-9)
    assert np.allclose(
        null_draws(same, 0, 20, np.random.default_rng(0)),
        null_draws(shifted, 0, 20, np.random.default_rng(0)),
        atol=1e-9,
    )


def test_one_cell_and_batches_without_control_halves_are_undefined_not_zero() -> None:
    parts = noise(0, perturbations=3, genes=50)
    counts = parts.counts.copy()
    counts[1] = 0
    counts[1, 0] = 1
    found = ceilings(replace(parts, counts=counts, numbers=counts[:, None]))[0]
    assert np.isnan(found.r_half[1])
    assert np.isfinite(found.r_half[[0, 2]]).all()
    assert not found.evaluable[1]
    assert np.isfinite(found.interval.value)


def test_genes_that_do_not_count_change_nothing() -> None:
    parts = noise(0, perturbations=3, genes=60, effect=0.2)
    scored = parts.scored.copy()
    scored[0, :5] = False
    perturbed = parts.perturbed.copy()
    perturbed[0, :, :5] += 1e6
    first, second = (
        ceilings(replace(parts, scored=scored, perturbed=each))[0].draws for each in (parts.perturbed, perturbed)
    )
    assert np.allclose(first, second)


def test_correlation_is_numpys_and_undefined_for_constants() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 4, 30))
    scored = generator.random((4, 30)) < 0.8
    found = correlation(first, second, scored)
    for row in range(4):
        assert found[row] == pytest.approx(
            np.corrcoef(first[row, scored[row]], second[row, scored[row]])[0, 1], abs=1e-12
        )
    first[0] = 0.1
    assert np.isnan(correlation(first, second, np.ones((4, 30), bool))[0])


def test_unknown_means_matter_only_to_those_that_share_in_them() -> None:
    means = np.array([[1.0, 2.0], [np.nan, np.nan]])
    assert weighted(np.array([[1.0, 0.0], [0.5, 0.5]]), means).tolist()[0] == [1.0, 2.0]
    assert np.isnan(weighted(np.array([[1.0, 0.0], [0.5, 0.5]]), means)[1]).all()

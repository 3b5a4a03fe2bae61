from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from hooke.core.errors import UnknownNameError
from hooke.evaluate.response import METRICS, Target, de_weights, energy_distance, rank_of_own, score

RANKS = ("discrimination", "centroid_accuracy")


def target_of(count: int, *, genes: int = 60, seed: int = 0, orthogonal: bool = False) -> Target:
    generator = np.random.default_rng(seed)
    control = np.tile(generator.uniform(1, 2, genes), (count, 1))
    delta = generator.normal(size=(count, genes))
    if orthogonal:
        delta = np.linalg.qr(delta.T)[0].T * 3
    scored = np.ones((count, genes), bool)
    weights = de_weights(delta + 0.1 * generator.normal(size=delta.shape), scored)
    return Target(
        control + delta,
        control,
        control + 0.01 * generator.normal(size=control.shape),
        scored,
        weights,
        np.abs(delta) > 1,
    )


@pytest.mark.parametrize("count", [2, 3, 100])
def test_the_truth_is_perfect_in_every_metric(count: int) -> None:
    target = target_of(count, genes=120)
    target = replace(target, reference=target.truth_control)
    for name, values in score(target.truth, target).items():
        assert values == pytest.approx(METRICS[name].perfect, abs=1e-9), name


@pytest.mark.parametrize("count", [2, 3, 100])
@pytest.mark.parametrize("kind", ["l1", "l2", "cosine"])
def test_ranks_reach_one_and_zero(count: int, kind: str) -> None:
    truth = np.linalg.qr(np.random.default_rng(0).normal(size=(200, count)))[0].T
    assert (rank_of_own(truth, truth, kind) == 1).all()
    assert (rank_of_own(-truth, truth, kind) == 0).all()


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("count", [2, 3, 7, 100])
def test_a_constant_prediction_has_exactly_one_half_under_any_renaming(name: str, count: int) -> None:
    target = target_of(count)
    target = replace(target, reference=np.tile(target.reference[:1], (count, 1)))
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(count)
        renamed = replace(target, truth=target.truth[order], truth_control=target.truth_control[order])
        for constant in (target.truth.mean(axis=0), target.truth[0], target.truth[0] * 0):
            values = score(np.tile(constant, (count, 1)), renamed, (name,))[name]
            assert np.rint(2 * (count - 1) * values).sum() == count * (
                count - 1
            )  # in whole numbers, whose mean has no rounding
            assert values.mean() == pytest.approx(0.5, abs=1e-15)


def test_equal_truths_share_their_ranks() -> None:
    truth = np.random.default_rng(0).normal(size=(6, 30))
    truth[3] = truth[0]
    values = rank_of_own(truth, truth)
    assert values[0] == values[3] == pytest.approx(0.9)
    assert (rank_of_own(np.zeros((6, 30)), np.zeros((6, 30))) == 0.5).all()


def test_ranks_need_another_perturbation() -> None:
    assert np.isnan(rank_of_own(np.ones((1, 5)), np.ones((1, 5)))).all()
    with pytest.raises(UnknownNameError):
        rank_of_own(np.ones((2, 5)), np.ones((2, 5)), "l3")


def test_the_sign_flipped_prediction_is_the_worst() -> None:
    target = target_of(20, orthogonal=True)
    target = replace(target, reference=target.truth_control)
    flipped = score(target.truth_control - target.delta, target)
    for name in ("pearson_delta", "spearman_delta", "cosine_delta"):
        assert flipped[name] == pytest.approx(-1)
    for name in (*RANKS, "de_direction"):
        assert np.nanmax(flipped[name]) == 0


def test_wrecked_predictions_are_not_clipped() -> None:
    target = target_of(5)
    wrecked = score(target.reference - 100 * target.delta, target)
    assert (wrecked["weighted_r2_delta"] < -100).all()
    assert (wrecked["mse"] > 1000).all()
    assert (wrecked["pearson_delta"] < 0).all()


def test_each_metric_alone_is_as_among_others() -> None:
    target = target_of(9)
    predicted = target.truth + np.random.default_rng(5).normal(size=target.truth.shape)
    every = score(predicted, target)
    for name in METRICS:
        assert np.array_equal(score(predicted, target, (name,))[name], every[name], equal_nan=True)
    backwards = score(predicted, target, tuple(reversed(METRICS)))
    assert all(np.array_equal(backwards[name], every[name], equal_nan=True) for name in METRICS)
    with pytest.raises(UnknownNameError, match="pearson_delta"):
        score(predicted, target, ("pearson_dleta",))


def test_a_permutation_of_perturbations_permutes_the_scores() -> None:
    target = target_of(9)
    predicted = target.truth + np.random.default_rng(5).normal(size=target.truth.shape)
    order = np.random.default_rng(6).permutation(9)
    moved = Target(**{name: getattr(target, name)[order] for name in vars(target)})
    first, second = score(predicted, target), score(predicted[order], moved)
    for name, values in first.items():
        assert second[name] == pytest.approx(values[order], abs=1e-12), name


def test_no_change_has_no_correlation_and_is_not_zero() -> None:
    target = target_of(4)
    values = score(target.reference, target)
    for name in ("pearson_delta", "spearman_delta", "cosine_delta", "de_overlap", "de_pr_auc"):
        assert np.isnan(values[name]).all(), name
    assert (values["de_direction"] == 0.5).all()


def test_unknown_predictions_are_undefined_and_leave_the_others_alone() -> None:
    target = target_of(6)
    predicted = target.truth + 0.1
    predicted[2] = np.nan
    values = score(predicted, target)
    for name, found in values.items():
        assert np.isnan(found[2]), name
        assert np.isfinite(np.delete(found, 2)).all(), name


def test_values_are_those_of_plain_computations() -> None:
    target = target_of(8)
    predicted = target.truth + np.random.default_rng(5).normal(size=target.truth.shape)
    values = score(predicted, target)
    change, delta, weights = predicted - target.reference, target.truth - target.truth_control, target.weights
    for row in range(8):
        assert values["pearson_delta"][row] == pytest.approx(np.corrcoef(change[row], delta[row])[0, 1])
        assert values["spearman_delta"][row] == pytest.approx(scipy.stats.spearmanr(change[row], delta[row]).statistic)
        centre = target.truth.mean(axis=0)
        assert values["pearson_centroid"][row] == pytest.approx(
            np.corrcoef(predicted[row] - centre, target.truth[row] - centre)[0, 1]
        )
        w = weights[row]
        spread = (w * (delta[row] - (w * delta[row]).sum()) ** 2).sum()
        assert values["weighted_r2_delta"][row] == pytest.approx(
            1 - (w * (delta[row] - change[row]) ** 2).sum() / spread
        )
        assert values["weighted_mse"][row] == pytest.approx((w * (predicted[row] - target.truth[row]) ** 2).sum())
        distances = np.linalg.norm(change[row] - delta, axis=1)
        assert values["discrimination"][row] == pytest.approx(1 - (distances < distances[row]).sum() / 7)
        genes = np.flatnonzero(target.significant[row])
        top = set(sorted(genes, key=lambda gene: -abs(delta[row, gene]))[:50])
        mine = set(np.argsort(-np.abs(change[row]))[: len(top)])
        assert values["de_overlap"][row] == pytest.approx(len(top & mine) / len(top))
        assert values["de_direction"][row] == pytest.approx(
            np.mean(np.sign(change[row, genes]) == np.sign(delta[row, genes]))
        )


def test_targets_give_nothing_away() -> None:
    """A prediction that knows only which gene was targeted scores as one that knows nothing."""
    target = target_of(10, genes=40)
    truth, scored = target.truth.copy(), target.scored.copy()
    for row in range(10):
        truth[row, row] -= 50
        scored[row, row] = False
    target = replace(target, truth=truth, scored=scored, weights=de_weights(truth - target.truth_control, scored))
    knowing = target.reference.copy()
    knowing[np.arange(10), np.arange(10)] -= 50
    assert score(knowing, target, ("discrimination",))["discrimination"].mean() == pytest.approx(
        score(target.reference, target, ("discrimination",))["discrimination"].mean(), abs=0.12
    )
    assert np.isnan(score(target.reference - 50 * ~scored, target, ("pearson_delta",))["pearson_delta"]).all()
    assert (target.weights[~scored] == 0).all()


def test_energy_distance() -> None:
    generator = np.random.default_rng(0)
    same = [energy_distance(generator.normal(size=(40, 3)), generator.normal(size=(60, 3))) for _ in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(200)
    x, y = generator.normal(size=(15, 3)), generator.normal(1, 1, (20, 3))
    plain = 2 * np.mean([np.linalg.norm(a - b) for a in x for b in y])
    for cells in (x, y):
        plain -= np.mean([np.linalg.norm(a - b) for i, a in enumerate(cells) for j, b in enumerate(cells) if i != j])
    assert energy_distance(x, y) == pytest.approx(plain)
    assert np.isnan(energy_distance(x[:1], y))


def test_weights_come_from_t_and_sum_to_one() -> None:
    statistic = np.array([[0.0, -4.0, 2.0, np.nan], [1.0, 1.0, 1.0, 1.0]])
    weights = de_weights(statistic, np.ones((2, 4), bool))
    assert weights[0].tolist() == [0.0, 0.8, 0.2, 0.0]
    assert weights[1].tolist() == [0.0] * 4

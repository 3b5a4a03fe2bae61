from __future__ import annotations

import numpy as np
import pytest
from tests.cells.conftest import noise

from hooke.evaluate.metric_range import DUPLICATE, MEAN
from hooke.evaluate.response import METRICS
from hooke.evaluate.response_scores import NULL, averaged, best_of, model_scores

NAMES = ("pearson_delta", "mse", "weighted_mse", "discrimination")


def test_duplicates_reach_one_and_controls_zero() -> None:
    parts = noise(0, effect=0.3)
    scores = {
        (each.model, each.metric): each
        for each in model_scores(parts, {"copy": lambda draw: draw.seen}, names=NAMES, draws=4)
    }
    for metric in NAMES:
        copy = scores["copy", metric]
        assert copy.normalised.value == pytest.approx(1)
        assert copy.value.value == pytest.approx(copy.ceiling)
        assert copy.baseline in ("mean", "control")
        assert copy.difference.decided
        assert (copy.difference.low > 0) == METRICS[metric].higher_is_better
        assert scores["mean", metric].normalised.value < 0.5
    assert scores["control", "pearson_delta"].undefined == 20
    assert scores["control", "mse"].normalised.value == pytest.approx(0, abs=0.2)


def test_wrecked_and_flipped_predictions_fall_below_the_null() -> None:
    parts = noise(0, effect=0.3)
    models = {"wrecked": lambda draw: draw.seen * 50, "flipped": lambda draw: draw.reference - draw.seen_delta}
    for each in model_scores(parts, models, names=NAMES, draws=3):
        if each.model == "flipped" or (each.model == "wrecked" and "mse" in each.metric):
            assert each.normalised.value < 0
            assert each.normalised.high < 0


def test_the_null_scores_nothing() -> None:
    values = averaged(noise(1, effect=0.3), {}, names=NAMES, draws=10, seed=0)
    assert abs(values["pearson_delta", NULL].mean()) < 0.05
    assert values["discrimination", NULL].mean() == pytest.approx(0.5, abs=0.01)
    assert values["mse", NULL].mean() > values["mse", DUPLICATE].mean()


def test_perturbations_that_are_not_predicted_are_counted() -> None:
    def some(draw):  # type: ignore[no-untyped-def]
        profiles = draw.seen.copy()
        profiles[:5] = np.nan
        return profiles

    [own] = [
        each
        for each in model_scores(noise(0, effect=0.3), {"some": some}, names=("pearson_delta",), draws=2)
        if each.model == "some"
    ]
    assert (own.scored, own.undefined) == (15, 5)
    assert np.isfinite(own.normalised.value)


def test_a_model_without_any_prediction_is_undefined() -> None:
    scores = model_scores(
        noise(0, perturbations=4, genes=40), {"none": lambda draw: draw.seen * np.nan}, names=tuple(METRICS), draws=2
    )
    for each in scores:
        if each.model == "none":
            assert np.isnan(each.value.value)
            assert each.undefined == 4


def test_the_best_baseline_is_that_of_the_metric_and_of_all_perturbations() -> None:
    values = {"mean": np.array([0.2, 0.4]), "sum": np.array([0.9, np.nan]), "other": np.array([0.3, 0.5])}
    assert best_of("pearson_delta", values) == "other"
    assert best_of("mse", values) == MEAN
    assert best_of("mse", {"none": np.array([np.nan])}) == ""

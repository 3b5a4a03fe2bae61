from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.consistency import consistency, magnitude


def screen() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    effects = np.zeros((11, 6))
    effects[0] = [3, 0, 0, 0, 0, 0]  # strong
    labels = np.concatenate([np.repeat([f"g{number}" for number in range(11)], 6), np.full(60, "")])
    codes = np.r_[np.repeat(np.arange(11), 6), np.full(60, 10)]
    return effects[codes] + generator.normal(size=(126, 6)), labels, labels == ""


def test_replicates_that_agree_are_found() -> None:
    values, labels, controls = screen()
    pool = np.isin(labels, [f"g{number}" for number in range(1, 11)])
    found = consistency(values, labels, pool, generator=np.random.default_rng(1), null_size=300)
    assert found.names[0] == "g0"
    assert found.scores[0] > 0.5
    assert found.active().tolist() == [True] + [False] * 10
    unit = values[:6] / np.linalg.norm(values[:6], axis=1, keepdims=True)
    assert found.scores[0] == pytest.approx((unit @ unit.T)[np.triu_indices(6, 1)].mean())
    assert found.replicates.tolist() == [6] * 11
    single = consistency(
        values[:7], np.append(labels[:6], "alone"), controls[:7] | True, generator=np.random.default_rng(1), null_size=9
    )
    assert np.isnan(single.scores[single.names == "alone"]).all()
    assert np.isnan(single.q_values[single.names == "alone"]).all()
    with pytest.raises(DataError, match="a group needs 6"):
        consistency(values, labels, np.arange(126) < 3, generator=np.random.default_rng(1))


def test_p_values_of_rows_without_effect_are_uniform() -> None:
    generator = np.random.default_rng(2)
    values = generator.normal(size=(800, 5))
    found = consistency(
        values, np.repeat(np.arange(200), 4).astype(str), np.ones(800, bool), generator=generator, null_size=500
    )
    assert np.mean(found.p_values < 0.1) == pytest.approx(0.1, abs=0.06)


def test_magnitude_against_the_definition() -> None:
    values, labels, controls = screen()
    found = magnitude(values, labels, controls, generator=np.random.default_rng(3), null_size=1000)
    x, y = values[:6], values[controls]

    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    own = distance(x, x).sum() / 30, distance(y, y).sum() / (60 * 59)
    assert found.scores[0] == pytest.approx(2 * distance(x, y).mean() - sum(own))
    assert found.active()[0]
    assert not found.active()[1:].any()
    few = magnitude(values, labels, controls, generator=np.random.default_rng(3), least=7, null_size=10)
    assert np.isnan(few.scores).all()
    with pytest.raises(DataError, match="at least 12 needed"):
        magnitude(values, labels, controls, generator=np.random.default_rng(3), most_controls=10)

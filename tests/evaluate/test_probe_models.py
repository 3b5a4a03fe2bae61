"""Probes of frozen embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.evaluate.probe_models import probe

LABELS = (Label("linear"), Label("step"), Label("rare", kind="binary"), Label("empty"))


def _data(count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(count, 8))
    linear = x @ np.arange(8) + 0.1 * generator.normal(size=count)
    step = ((x[:, 0] > 0) ^ (x[:, 1] > 0)) * 5.0
    rare = (x[:, 2] > 1.0).astype(float)
    return x.astype(np.float32), np.stack([linear, step, rare, np.full(count, np.nan)], axis=1)


def test_the_readout_is_chosen_on_the_validation_rows() -> None:
    x, y = _data()
    parts = np.split(np.arange(240), [160, 200])
    found = probe(x, y, LABELS, *parts)
    assert found.readouts[:2] == ("linear", "forest")
    assert found.readouts[3] == "mean"
    assert np.corrcoef(found.predictions[:, 0], y[200:, 0])[0, 1] > 0.99
    assert np.corrcoef(found.predictions[:, 1], y[200:, 1])[0, 1] > 0.6
    assert found.predictions[y[200:, 2] == 1, 2].min() > found.predictions[y[200:, 2] == 0, 2].mean()
    assert np.isnan(found.predictions[:, 3]).all()
    assert found.positives[2] == pytest.approx(y[:200, 2].mean())
    assert np.isnan(found.positives[0])


def test_rows_without_an_embedding_are_left_out() -> None:
    x, y = _data(120)
    x[[0, 100]] = np.nan
    found = probe(x, y[:, :1], LABELS[:1], np.arange(80), np.arange(80, 100), np.arange(100, 120), readouts=("linear",))
    assert np.isnan(found.predictions[0, 0])
    assert np.isfinite(found.predictions[1:]).all()


def test_too_little_to_learn_from_gives_the_mean() -> None:
    x, y = _data(40)
    y[5:30, 0] = np.nan
    found = probe(x, y[:, :1], LABELS[:1], np.arange(30), np.arange(30, 30), np.arange(30, 40))
    assert found.readouts == ("mean",)
    assert np.allclose(found.predictions, y[:5, 0].mean())


def test_a_class_seen_once_can_still_be_fitted() -> None:
    x, y = _data(60)
    y[:, 2] = 0
    y[3, 2] = 1
    found = probe(x, y[:, 2:3], LABELS[2:3], np.arange(40), np.arange(40, 50), np.arange(50, 60), readouts=("linear",))
    assert np.isfinite(found.predictions).all()


def test_an_unknown_readout_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'forest'"):
        probe(*_data(20), LABELS, *np.split(np.arange(20), [10, 15]), readouts=("forests",))


@pytest.mark.parametrize("readout", ["linear", "forest"])
def test_the_unit_of_a_value_does_not_matter(readout: str) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 4))
    targets = features[:, :1] + 0.1 * generator.normal(size=(60, 1))
    parts = np.split(np.arange(60), [40, 50])
    found = [
        np.ldexp(probe(features, np.ldexp(targets, e), [Label("y")], *parts, readouts=[readout]).predictions, -e)
        for e in (0, -100)
    ]
    assert np.array_equal(*found)
    assert found[0].std() > 0.3

"""The kit finds estimators that are wrong in one way each."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from hooke.estimators import mean, nearest, ridge
from hooke.nn.contract import ContractError
from hooke.testing import check_estimator
from hooke.testing.estimators import LABELS, training_rows


def file(estimator: type, config: type = ridge.Config) -> SimpleNamespace:
    return SimpleNamespace(__name__="broken", Config=config, Estimator=estimator)


def test_sound_estimators_pass() -> None:
    check_estimator(file(ridge.Estimator))
    check_estimator("nearest", nearest.Config(k=3))


def test_rows_to_learn_from() -> None:
    features, targets = training_rows()
    assert targets.shape == (len(features), sum(label.level == "graph" for label in LABELS))
    assert not np.isfinite(features).all()
    assert np.isnan(targets[:, -1]).all()


class Foreign:
    modality = "any"


class Nowhere(ridge.Estimator):
    modality = "nowhere"


class Transposed(ridge.Estimator):
    def predict(self, features):
        return tuple(part.T for part in super().predict(features))


class Certain(ridge.Estimator):
    def predict(self, features):
        found, std = super().predict(features)
        return found, std - 1e-3


class Unnormalised(ridge.Estimator):
    def _infer(self, features, number):
        found, std = super()._infer(features, number)
        return (found * 0.9 if "classes" in self.learnt[number] else found), std


class Strays(ridge.Estimator):
    def predict(self, features):
        found, std = super().predict(features)
        found[:, 2:4] += [0.1, -0.1]
        return found, std


class FillsGaps(ridge.Estimator):
    def predict(self, features):
        found, std = super().predict(features)
        return np.nan_to_num(found), std


class Undefined(ridge.Estimator):
    def predict(self, features):
        found, std = super().predict(features)
        found[:, 0] = np.nan
        return found, std


class NoConstant(ridge.Estimator):
    def predict(self, features):
        found, std = super().predict(features)
        found[:, 9] += 1e-3
        return found, std


class Crowded(ridge.Estimator):
    """Standardised on the rows that it is asked for."""

    def _transform(self, features):
        return features - features.mean(axis=0)


class Counting(ridge.Estimator):
    """Row 7 is treated otherwise."""

    def predict(self, features):
        found, std = super().predict(features)
        std[7:8, 0] += 0.5
        return found, std


class Forgetful(ridge.Estimator):
    def arrays(self):
        return {**super().arrays(), "0.bias": np.zeros(1)}


class Rounded(ridge.Estimator):
    def arrays(self):
        arrays = super().arrays()
        return {**arrays, "0.weights": arrays["0.weights"].astype(np.float32)}


class Wide(ridge.Estimator):
    def arrays(self):
        return {name: array.astype(np.longdouble) for name, array in super().arrays().items()}


class Striding(ridge.Estimator):
    def arrays(self):
        return {**super().arrays(), "shared": np.zeros((4, 4))[:, ::2]}


class Losing(ridge.Estimator):
    def arrays(self):
        return {**super().arrays(), "version": np.zeros(1)} if not hasattr(self, "loaded") else super().arrays()

    @classmethod
    def from_arrays(cls, config, spec, level, arrays):
        new = super().from_arrays(config, spec, level, {k: v for k, v in arrays.items() if k != "version"})
        new.loaded = True
        return new


class Restless(ridge.Estimator):
    def fit(self, features, targets, *, seed=0):
        super().fit(features, targets, seed=seed)
        self.learnt[0]["bias"] = self.learnt[0]["bias"] + np.random.default_rng().normal()


class Scribbling(ridge.Estimator):
    def fit(self, features, targets, *, seed=0):
        super().fit(features, targets, seed=seed)
        features[0] = 0


class Twins(ridge.Estimator):
    """Fails where two training rows are the same."""

    def _learn(self, features, rows, values, classes, seed):
        learnt = super()._learn(features, rows, values, classes, seed)
        equal = len(np.unique(features, axis=0)) < len(features)
        return {name: array * (np.nan if equal else 1.0) for name, array in learnt.items()}


@dataclass
class Loose:
    alphas: tuple[float, ...] = (1.0,)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Foreign, "does not extend"),
        (Nowhere, "modality is none of any"),
        (Transposed, "shape"),
        (Certain, "negative or not finite"),
        (Unnormalised, "do not sum to one"),
        (Strays, r"not in \[0, 1\]"),
        (FillsGaps, "never measured is predicted"),
        (Undefined, "not finite"),
        (NoConstant, "few: .* instead of \\[3.0"),
        (Crowded, "depend on the other rows"),
        (Counting, "depend on the order"),
        (Forgetful, "predicts something else"),
        (Rounded, "predicts something else"),
        (Wide, "is no array of"),
        (Striding, "is not contiguous"),
        (Losing, "after from_arrays"),
        (Restless, "the same seed"),
        (Scribbling, "changes what it is given"),
        (Twins, "not finite"),
    ],
)
def test_broken_estimators(estimator: type, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_estimator(file(estimator))


def test_broken_config() -> None:
    with pytest.raises(ContractError, match="Config is not frozen"):
        check_estimator(file(ridge.Estimator, Loose))


def test_an_estimator_that_states_no_modality() -> None:
    class Silent(mean.Estimator):
        modality = ""

    with pytest.raises(ContractError, match="modality"):
        check_estimator(file(Silent, mean.Config))

"""`check_estimator`: what every estimator must do, on made-up rows with labels of all kinds.

An estimator file has `Config` (frozen dataclass) and `Estimator(config, spec, level)`, a subclass of `hooke.estimators.Estimator`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from hooke.core import registry
from hooke.core.label import Label
from hooke.estimators import Estimator
from hooke.nn.contract import require
from hooke.testing.contract import require_frozen_config, resolve_module

LABELS = (
    Label("value"),
    Label("binary", kind="binary"),
    Label("classes", kind="multiclass", classes=4),
    Label("ordered", kind="ordinal", classes=3),
    Label("few"),
    Label("constant"),
    Label("one_class", kind="multiclass", classes=2),
    Label("never"),
    Label("of_atoms", "node"),
)
DTYPES = ("float32", "float64", "int32", "int64")


@dataclass(frozen=True)
class _Spec:
    """Only labels."""

    labels: tuple[Label, ...] = LABELS

    def to_json(self) -> dict[str, Any]:
        return {"labels": [label.to_json() for label in self.labels]}


def training_rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(60, 12) features, among them counts, a constant and undefined ones, and (60, 8) targets of the labels of molecules."""
    generator = np.random.default_rng(seed)
    features = np.hstack([generator.poisson(1.0, (60, 4)), generator.normal(size=(60, 7)), np.ones((60, 1))])
    value = features[:, 0] - features[:, 5] + 0.1 * generator.normal(size=60)
    order = np.argsort(np.argsort(value))
    classes = np.where(order < 25, 0, np.where(order < 40, 1, 3))  # class 2 does not occur
    targets = np.full((60, 8), np.nan)
    targets[:, 0], targets[:, 1], targets[:, 2], targets[:, 3] = value, value > 1, classes, order // 20
    targets[::5, 0] = targets[1::7, 2] = np.nan
    targets[:3, 4], targets[:, 5], targets[:30, 6] = (1.0, 2.0, 6.0), 2.5, 1.0
    features[3, 5], features[4, 6], features[5, 7] = np.nan, np.inf, -np.inf
    return features, targets


def check_estimator(module: ModuleType | str, config: Any = None) -> None:
    """Check an estimator: its statements, shapes, probabilities, labels with gaps and constants, order, duplicates, arrays and seed.

    Args:
        module: Estimator file or registered name.
        config: Config to check with; the default one when None.

    Raises:
        ContractError: The first promise that is broken.
    """
    module = resolve_module("estimators", module)
    require_frozen_config(module)
    config = module.Config() if config is None else config
    require(
        issubclass(module.Estimator, Estimator),
        f"{module.__name__}: Estimator does not extend hooke.estimators.Estimator",
    )
    known = ("any", *registry.names("modalities"))
    require(
        getattr(module.Estimator, "modality", None) in known,
        f"{module.__name__}: modality is none of {', '.join(known)}",
    )
    features, targets = training_rows()
    unseen = training_rows(seed=1)[0]
    fitted = _fitted(module, config, features, targets)
    mean, std = fitted.predict(unseen)
    _check_predictions((mean, std), fitted.columns, len(unseen))
    _check_constants(mean, std)
    _check_order(fitted, unseen, mean, std)
    _check_arrays(module, config, fitted, unseen)
    again = _fitted(module, config, features, targets).predict(unseen)
    require(_same(again, (mean, std)), "the same seed gives other predictions")
    twice = _fitted(module, config, np.vstack([features, features]), np.vstack([targets, targets]))
    _check_predictions(twice.predict(unseen), fitted.columns, len(unseen))


def _fitted(module: ModuleType, config: Any, features: np.ndarray, targets: np.ndarray) -> Any:
    estimator = module.Estimator(config, _Spec(), "graph")
    before = (features.copy(), targets.copy(), asdict(config))
    estimator.fit(features, targets, seed=0)
    require(_same((features, targets), before[:2]) and asdict(config) == before[2], "fit changes what it is given")
    return estimator


def _columns() -> dict[str, slice]:
    """Of each label of molecules."""
    labels = [label for label in LABELS if label.level == "graph"]
    ends = np.cumsum([label.columns for label in labels]).tolist()
    return {label.name: slice(end - label.columns, end) for label, end in zip(labels, ends, strict=True)}


def _check_predictions(predicted: tuple[np.ndarray, np.ndarray], columns: int, rows: int) -> None:
    for name, values in zip(("predictions", "standard deviations"), predicted, strict=True):
        require(values.shape == (rows, columns), f"{name}: shape {values.shape} instead of {(rows, columns)}")
        require(values.dtype == np.float64, f"{name} are {values.dtype}, not float64")
    mean, std = predicted
    require(bool(np.isnan(mean[:, -1]).all()), "a label that was never measured is predicted")
    require(bool(np.isfinite(mean[:, :-1]).all()), "predictions are not finite")
    require(bool(np.isfinite(std).all() and (std >= 0).all()), "standard deviations are negative or not finite")
    for name, where in _columns().items():
        if name not in ("binary", "classes", "ordered", "one_class"):
            continue
        probability = mean[:, where]
        require(bool(((probability >= 0) & (probability <= 1)).all()), f"{name}: a probability is not in [0, 1]")
        whole = probability.sum(axis=1) if name != "binary" else np.ones(rows)
        require(bool(np.allclose(whole, 1, rtol=0, atol=1e-9)), f"{name}: probabilities do not sum to one")


def _check_constants(mean: np.ndarray, std: np.ndarray) -> None:
    for name, expected in (("few", [3.0]), ("constant", [2.5]), ("one_class", [0.0, 1.0])):
        where = _columns()[name]
        same = np.allclose(mean[:, where], expected, rtol=0, atol=1e-9)
        require(same, f"{name}: {mean[0, where].tolist()} instead of {expected}")
        require(not std[:, where].any(), f"{name}: a constant has a standard deviation")


def _check_order(fitted: Any, unseen: np.ndarray, mean: np.ndarray, std: np.ndarray) -> None:
    order = np.random.default_rng(2).permutation(len(unseen))
    _require_close(fitted.predict(unseen[order]), (mean[order], std[order]), "predictions depend on the order of rows")
    _require_close(fitted.predict(unseen[7:8]), (mean[7:8], std[7:8]), "predictions depend on the other rows")
    doubled = np.repeat(unseen[:2], 2, axis=0)
    _require_close(
        fitted.predict(doubled), (mean[[0, 0, 1, 1]], std[[0, 0, 1, 1]]), "equal rows have other predictions"
    )
    empty = fitted.predict(unseen[:0])
    require(empty[0].shape == empty[1].shape == (0, mean.shape[1]), "no row gives no empty prediction")


def _check_arrays(module: ModuleType, config: Any, fitted: Any, unseen: np.ndarray) -> None:
    arrays = fitted.arrays()
    for name, array in arrays.items():
        require(isinstance(array, np.ndarray) and str(array.dtype) in DTYPES, f"arrays: {name} is no array of {DTYPES}")
        require(array.flags.c_contiguous, f"arrays: {name} is not contiguous")
    back = module.Estimator.from_arrays(config, _Spec(), "graph", load(save(arrays)))
    require(_same(back.predict(unseen), fitted.predict(unseen)), "from_arrays predicts something else")
    kept = back.arrays()
    require(set(kept) == set(arrays), f"arrays after from_arrays: {sorted(kept)} instead of {sorted(arrays)}")
    for name, array in arrays.items():
        require(_same((kept[name],), (array,)), f"arrays: {name} changes by from_arrays")


def _same(given: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(left, right, equal_nan=True) for left, right in zip(given, expected, strict=True))


def _require_close(given: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...], message: str) -> None:
    close = all(
        np.allclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True)
        for left, right in zip(given, expected, strict=True)
    )
    require(close, message)

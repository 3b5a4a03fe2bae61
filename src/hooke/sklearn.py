"""Estimators in the manner of scikit-learn, on molecules: `HookeRegressor`, `HookeClassifier`, `HookeTransformer`.

    from hooke.sklearn import HookeRegressor
    model = HookeRegressor(model="gaussian_process").fit(smiles, y)
    mean, std = model.predict(new, return_std=True)

X is a sequence of SMILES or RDKit molecules, or one column of them. They go through `Pipeline`, `cross_val_score`, `clone`
and grids like any other;
their search ranges over `model` and `overrides`. Each fit is an ordinary run, whose folder is `run_`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from hooke.core.errors import UsageError

__all__ = ["HookeClassifier", "HookeRegressor", "HookeTransformer"]

_SMILES, _LABEL = "smiles", "y"


def _molecules(given: Any) -> list[Any]:
    """A list of molecules of a sequence or a single column."""
    if isinstance(given, str):
        raise UsageError("X is a sequence of molecules: [smiles] for one")
    if hasattr(given, "columns"):
        if len(given.columns) != 1:
            raise UsageError(f"X is one column of molecules, not {len(given.columns)}: select it")
        given = given[given.columns[0]]
    values = list(given)
    if values and isinstance(values[0], np.ndarray | list | tuple):
        if any(len(row) != 1 for row in values):
            raise UsageError("X is one column of molecules")
        values = [row[0] for row in values]
    return values


class _Supervised(BaseEstimator):
    """What regressor and classifier share."""

    _kind = "regression"

    def __init__(
        self,
        model: str = "auto",
        *,
        budget: str = "1m",
        overrides: Sequence[str] = (),
        calibration_fraction: float = 0.1,
        seed: int = 0,
        runs: Path | str = "runs",
    ) -> None:
        self.model = model
        self.budget = budget
        self.overrides = overrides
        self.calibration_fraction = calibration_fraction
        self.seed = seed
        self.runs = runs

    def fit(self, X: Any, y: Any) -> Any:
        """Train on molecules and one label of each.

        Args:
            X: (n,) SMILES or RDKit molecules.
            y: (n,) labels.

        Raises:
            UsageError: X and y differ in length, or X is no sequence of molecules.
            DataError: No row can be used.
        """
        import polars as pl
        from rdkit import Chem

        import hooke
        from hooke.inference.loaded import LoadedRun
        from hooke.molecules.source import MemoryRows

        molecules, labels = _molecules(X), self._labels(np.asarray(y).ravel())
        if len(molecules) != len(labels):
            raise UsageError(f"X has {len(molecules)} rows and y {len(labels)}")
        texts = [Chem.MolToSmiles(each) if isinstance(each, Chem.Mol) else each for each in molecules]
        rows = MemoryRows.of(texts).table[_SMILES]
        fraction = self.calibration_fraction
        changes = [
            f"data.split.fractions=[{1 - fraction}, {fraction}, 0.0]", f"data.kinds.{_LABEL}={self._kind}", *self.overrides,
        ]  # fmt: skip
        fitted = hooke.fit(
            table=pl.DataFrame({_SMILES: rows, _LABEL: labels}), smiles=_SMILES, targets=[_LABEL], model=self.model,
            budget=self.budget if self.model == "auto" else None, overrides=changes, seed=self.seed,
            runs=self.runs, report=False, show_progress=False,
        )  # fmt: skip
        self.run_ = str(fitted.folder)
        self.loaded_ = LoadedRun.open(fitted.folder)
        return self

    def _labels(self, y: np.ndarray) -> np.ndarray:
        return y.astype(np.float64)

    def _predicted(self, X: Any) -> Any:
        check_is_fitted(self, "loaded_")
        return self.loaded_.predict(_molecules(X))

    def __getstate__(self) -> dict[str, Any]:
        """Without the loaded run, which is opened again from its folder."""
        return {name: value for name, value in super().__getstate__().items() if name != "loaded_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "run_" in state:
            from hooke.inference.loaded import LoadedRun

            self.loaded_ = LoadedRun.open(Path(self.run_))

    def __sklearn_tags__(self) -> Any:
        """Molecules, not rows of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string, tags.no_validation = False, True, True
        return tags


class HookeRegressor(RegressorMixin, _Supervised):
    """A number of each molecule.

    Args:
        model: "auto" compares candidates on the training rows and blends them; or the name of an estimator or network (`hooke show names`).
        budget: Of "auto": how long comparing may take.
        overrides: "a.b=c" changes of the recipe "csv".
        calibration_fraction: Of the rows, that intervals are calibrated on.
        seed: Seed of all random numbers.
        runs: Folder of run folders.

    Attributes:
        run_: The folder of the run.
    """

    def predict(self, X: Any, *, return_std: bool = False) -> Any:
        """(n,) numbers, NaN where a row holds no molecule.

        Args:
            X: (n,) SMILES or RDKit molecules.
            return_std: Also (n,) standard deviations of the error, NaN where nothing could be calibrated.
        """
        found = self._predicted(X)
        mean = found[_LABEL].cast(float).fill_null(float("nan")).to_numpy()
        if not return_std:
            return mean
        if f"{_LABEL}_std" not in found.columns:
            return mean, np.full(len(mean), np.nan)
        return mean, found[f"{_LABEL}_std"].cast(float).fill_null(float("nan")).to_numpy()


class HookeClassifier(ClassifierMixin, _Supervised):
    """One of two classes of each molecule; arguments as of `HookeRegressor`.

    Attributes:
        classes_: (2,) the classes, sorted.
        run_: The folder of the run.
    """

    _kind = "binary"

    def _labels(self, y: np.ndarray) -> np.ndarray:
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise UsageError(f"y has {len(self.classes_)} classes; this classifier tells two apart")
        return codes.astype(np.int64)

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, 2) probabilities of `classes_`; NaN where a row holds no molecule."""
        chance = self._predicted(X)[_LABEL].cast(float).fill_null(float("nan")).to_numpy()
        return np.stack([1 - chance, chance], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """(n,) the more probable classes.

        Raises:
            UsageError: A row holds no molecule, so that it has no class.
        """
        chance = self.predict_proba(X)[:, 1]
        if np.isnan(chance).any():
            rows = np.flatnonzero(np.isnan(chance))
            raise UsageError(f"row {rows[0]} of X holds no molecule that can be read ({len(rows)} in all)")
        return np.asarray(self.classes_[(chance >= 0.5).astype(np.int64)])

    def __sklearn_tags__(self) -> Any:
        """Two classes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class HookeTransformer(TransformerMixin, BaseEstimator):
    """Vectors of molecules by a trained encoder, for any estimator behind it in a `Pipeline`.

    Args:
        encoder: A run folder, "tiny", or published weights ("minimol").
    """

    def __init__(self, encoder: str = "tiny") -> None:
        self.encoder = encoder

    def fit(self, X: Any, y: Any = None) -> HookeTransformer:
        """Nothing is learnt: the encoder is loaded."""
        self._load()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """(n, width) float32.

        Raises:
            UsageError: A row holds no molecule.
        """
        vectors = self._load().embed(_molecules(X))
        bad = np.flatnonzero(np.isnan(vectors).any(axis=1))
        if len(bad):
            raise UsageError(f"row {bad[0]} of X holds no molecule that can be read ({len(bad)} in all)")
        return np.asarray(vectors)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the numbers: the encoder's, from 0."""
        stem = Path(self.encoder).name
        return np.array([f"{stem}_{place}" for place in range(self._load().width)], object)

    def _load(self) -> Any:
        import hooke

        return hooke.load(self.encoder)

    def __sklearn_is_fitted__(self) -> bool:
        """It learns nothing."""
        return True

    def __sklearn_tags__(self) -> Any:
        """Molecules, not rows of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string, tags.no_validation = False, True, True
        tags.requires_fit = False
        return tags

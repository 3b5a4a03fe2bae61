"""The baselines that stand beside every model: estimators on the features of the modality, and its own encoder with random weights.

Of molecules the features are counts of Morgan fingerprints (radius 2, 2,048 bits, log1p) and RDKit descriptors; of images hand-crafted
features of whole fields (intensity, texture, shape, correlation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.progress import progress
from hooke.core.recipe import Recipe
from hooke.core.types import Spec, group_means
from hooke.inference.loaded import LoadedRun
from hooke.modalities import Trainable
from hooke.train.gradient_free import features_and_targets
from hooke.train.measure import decided, group_truth

UNTRAINED = "random weights"
READOUT = "ridge"  # of vectors from random weights


def baseline_predictions(
    modality: Trainable, recipe: Recipe, spec: Spec, store: Any, labels: Sequence[Label], known: np.ndarray, test: np.ndarray,
    *, run: LoadedRun | None = None, seed: int = 0, show_progress: bool = True,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Fit each baseline on the known rows, and predict the test rows (or the groups that they make up).

    Args:
        modality: Of the data.
        recipe: How batches are made.
        spec: Of the data.
        store: The rows.
        labels: That are predicted, of whole rows.
        known: Rows to learn from: baselines choose nothing on validation rows, so those belong here.
        test: Rows to predict.
        run: Whose encoder stands beside them with random weights; None leaves that out.
        seed: Of all randomness.
        show_progress: Show a progress bar.

    Returns:
        Name → (rows or groups, labels): values, probabilities of class 1, or the most probable class; in the order of the predictions
        that a run writes.
    """
    columns = [place for place, label in enumerate(_main(spec, modality)) if label in labels]
    chosen: Any = replace(spec, labels=tuple(labels))  # type: ignore[type-var]
    names = [*modality.estimators, *([UNTRAINED] if run is not None else [])]
    found = {}
    with progress(1 + len(names), "fitting baselines", "steps", show=show_progress) as bar:
        of_rows, targets = features_and_targets(modality, recipe, spec, store, known)
        targets = _grouped_targets(modality, store, known, targets, _main(spec, modality))[:, columns]
        unseen_rows, _ = features_and_targets(modality, recipe, spec, store, test)
        features = _grouped(modality, store, known, of_rows), _grouped(modality, store, test, unseen_rows)
        bar.advance()
        for name in names:
            seen, unseen = features
            if name == UNTRAINED and run is not None:
                twin = run.untrained(seed)
                seen, unseen = (
                    _grouped(modality, store, rows, _vectors(modality, twin, store, rows)) for rows in (known, test)
                )
            used, level = READOUT if name == UNTRAINED else name, modality.levels[0]
            found[name] = decided(fit_predict(used, chosen, level, seen, targets, unseen, seed=seed), labels)
            bar.advance(baseline=name)
    return found


def fit_predict(
    name: str, spec: Spec, level: str, features: np.ndarray, targets: np.ndarray, unseen: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """Predictions of an estimator with its default options.

    Args:
        name: Of the estimator.
        spec: Its labels of `level` are predicted.
        level: Of the labels.
        features: (n, f) rows to learn from.
        targets: (n, labels), NaN = not measured.
        unseen: (m, f) rows to predict.
        seed: Of all randomness.

    Returns:
        (m, columns): values, probabilities of class 1, or of each of several classes.

    Raises:
        UnknownNameError: No such estimator.
    """
    module = registry.module("estimators", name)
    estimator = module.Estimator(module.Config(), spec, level)
    estimator.fit(features, targets, seed=seed)
    return estimator.predict(unseen)[0]


def _main(spec: Spec, modality: Trainable) -> list[Label]:
    return [label for label in spec.labels if label.level == modality.levels[0]]


def _vectors(modality: Trainable, run: LoadedRun, store: Any, rows: np.ndarray) -> np.ndarray:
    """(rows, width) float64 embeddings."""
    vectors, owners = [], []
    for batch in modality.loader(store, rows, run.spec, run.recipe, part="predict").epoch(0):
        vectors.append(run.vectors(batch).astype(np.float64))
        owners.append(batch.rows.numpy())
    return group_means(np.concatenate(vectors), np.concatenate(owners))


def _grouped(modality: Trainable, store: Any, rows: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The means over the groups of rows."""
    groups = modality.groups(store, rows)
    order = np.argsort(groups, kind="stable")
    return group_means(features[order], groups[order]) if modality.group else features


def _grouped_targets(
    modality: Trainable, store: Any, rows: np.ndarray, targets: np.ndarray, labels: Sequence[Label]
) -> np.ndarray:
    groups = modality.groups(store, rows)
    order = np.argsort(groups, kind="stable")
    return group_truth(targets[order], groups[order], labels) if modality.group else targets

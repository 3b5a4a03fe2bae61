"""Fitting estimators: on the features of the training rows, saved as plain arrays beside where networks keep their weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from hooke.core.checked import SEAL, check_seal, say_made_again, seal
from hooke.core.errors import DamagedError, UsageError
from hooke.core.files import replacing
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, group_means, group_starts, labels_of
from hooke.estimators import estimator_class
from hooke.evaluate.splits import Split
from hooke.inference.ensemble import Estimates
from hooke.inference.network import ARRAYS, estimates_of
from hooke.modalities import Trainable, trainable


def fitted(run: RunFolder, recipe: Recipe, spec: Spec, store: Any, split: Split) -> Estimates:
    """The members, fitted unless that was done before a kill.

    Raises:
        UsageError: There is no label of whole items to learn.
    """
    modality = trainable(recipe.modality, "fit")
    level = modality.levels[0]
    if not labels_of(spec, level):
        raise UsageError(f"{recipe.model.name} predicts labels of whole {modality.items}, and the data carry none")
    made = estimator_class(recipe.model.name)
    loaded: tuple[np.ndarray, np.ndarray] | None = None
    for number in range(recipe.train.ensemble):
        path = run.path(f"members/{number}/{ARRAYS}")
        if is_kept(path):
            continue
        if loaded is None:
            loaded = features_and_targets(modality, recipe, spec, store, split.train)
        estimator = made(recipe.model.config, spec, level)
        estimator.fit(*loaded, seed=recipe.seed * 1000 + number)
        save_arrays(path, estimator.arrays())
    return estimates_of(run, recipe.model, spec, modality, recipe.train.ensemble)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by their names as one sealed file, whole or not there."""
    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary, metadata=SEAL)
        seal(temporary)


def is_kept(path: Path) -> bool:
    """Whether arrays were saved before a kill, and are undamaged."""
    try:
        return path.exists() and (check_seal(path) or True)
    except DamagedError as error:
        say_made_again(error)
        return False


def features_and_targets(
    modality: Trainable, recipe: Recipe, spec: Spec, store: Any, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, features) and (rows, labels of whole items) float64; features of several items of a row are averaged."""
    features, targets, owners = [], [], []
    for batch in modality.loader(store, rows, modality.with_features(spec), recipe, part="predict").epoch(0):
        features.append(modality.features(batch))
        targets.append(batch.targets[modality.levels[0]].numpy().astype(np.float64))
        owners.append(batch.rows.numpy())
    owner = np.concatenate(owners)
    first = group_starts(owner)
    return group_means(np.concatenate(features), owner), np.concatenate(targets)[first]

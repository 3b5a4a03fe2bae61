"""Runs of estimators: their arrays as a predictor."""

from __future__ import annotations

from hooke.core import registry
from hooke.core.errors import DataError
from hooke.core.recipe import Named
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, labels_of
from hooke.inference.ensemble import Estimates
from hooke.modalities import Trainable

ARRAYS = "estimator.safetensors"


def estimates_of(run: RunFolder, chosen: Named, spec: Spec, modality: Trainable, members: int) -> Estimates:
    """The estimators of a run.

    Raises:
        DataError: Their arrays are missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    made, level = registry.module("estimators", chosen.name).Estimator, modality.levels[0]
    estimators = []
    for number in range(members):
        path = run.path(f"members/{number}/{ARRAYS}")
        try:
            arrays = load_file(path)
        except (SafetensorError, OSError) as error:
            raise DataError(f"{path} cannot be read as the arrays of an estimator: {error}") from error
        estimators.append(made.from_arrays(chosen.config, spec, level, arrays))
    names = [name for label in labels_of(spec, level) for name in label.column_names]
    return Estimates(estimators, level, modality.features, names)

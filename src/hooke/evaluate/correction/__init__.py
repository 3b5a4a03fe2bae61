"""Batch correction of embeddings: `fit(name, values, batches, controls)` gives an object that is saved and applied to new plates.

One file a method, numpy only. `none` is a method too, because it must always be reported. Methods inside a network (AdaBN, CORAL,
DANN, IRM, GroupDRO) are tasks, not here.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.checked import read_arrays
from hooke.core.errors import UnknownNameError
from hooke.core.reading import reading
from hooke.evaluate.correction.base import Correction

METHODS = ("none", "centre", "centre_scale", "pca_cs", "tvn", "sphering", "combat", "harmony", "scanorama")

__all__ = ["METHODS", "Correction", "correct", "fit", "load"]


def fit(method: str, values: np.ndarray, batches: np.ndarray, controls: np.ndarray, **options: Any) -> Correction:
    """Fit a correction.

    Args:
        method: One of `METHODS`.
        values: (n, d) embeddings.
        batches: (n,) names of the batches.
        controls: (n,) bool, the negative controls.
        options: Of the method; see its file.

    Raises:
        UnknownNameError: No such method; the message offers the nearest.
        DataError: Values that are not finite, or a batch without the controls that the method needs.
    """
    return _module(method).fit(values, batches, controls, **options)


def correct(method: str, values: np.ndarray, batches: np.ndarray, controls: np.ndarray, **options: Any) -> np.ndarray:
    """Fit and apply to the same rows: (n, k)."""
    return fit(method, values, batches, controls, **options).transform(values, batches, controls)


def load(path: Path) -> Correction:
    """Read a correction that `save` has written; nothing in the file is executed.

    Raises:
        DataError: The file is missing, damaged or something else.
    """
    path = Path(path)
    with reading(path, "a saved correction"):
        arrays = read_arrays(path)
        method = str(arrays.pop("method"))
        return _module(method).FITTED(**arrays)


def _module(method: str) -> Any:
    if method not in METHODS:
        raise UnknownNameError("correction method", method, METHODS)
    return importlib.import_module(f"hooke.evaluate.correction.{method}")

"""What foretells large force errors of a potential: distances of embeddings to those of the training frames, and the spread of an ensemble."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from hooke.atoms.spec import ATOM
from hooke.atoms.store import FrameStore
from hooke.core.types import group_starts
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.detection import detection, mahalanobis
from hooke.evaluate.splits import evenly_spaced
from hooke.modalities import Trainable
from hooke.modalities.atoms.frame_errors import FORCE_ERROR

NEAREST, WHITENED, SPREAD = (
    "distance to the nearest training frame",
    "Mahalanobis distance",
    "spread of the ensemble's forces",
)
_MOST_TRAINING = 5_000


def error_detection(
    run: Any, modality: Trainable, store: FrameStore, training: np.ndarray, errors: pl.DataFrame
) -> dict[str, Interval]:
    """Signal → AUROC for force errors above three times their median, with an interval over molecules.

    Args:
        run: An `inference.loaded.LoadedRun` of energies and forces.
        modality: Of frames.
        store: Its data.
        training: Rows that it was trained on; at most 5,000 of them, evenly spaced, are compared with.
        errors: Of test frames; see `frame_errors`.
    """
    from scipy.spatial import cKDTree

    known = errors.drop_nulls(FORCE_ERROR)
    if not len(known):
        return {}
    rows = training[evenly_spaced(len(training), _MOST_TRAINING)]
    trained, _ = _signals(run, modality, store, rows, spread=False)
    vectors, spread = _signals(run, modality, store, known["row"].to_numpy(), spread=run.predictor.count > 1)
    signals = {NEAREST: cKDTree(trained).query(vectors)[0], WHITENED: mahalanobis(vectors, trained)}
    if spread is not None:
        signals[SPREAD] = spread
    off, groups = known[FORCE_ERROR].to_numpy(), known["molecule"].to_numpy()
    return {
        name: detection(values, off, groups, generator=np.random.default_rng(0)) for name, values in signals.items()
    }


def _signals(
    run: Any, modality: Trainable, store: FrameStore, rows: np.ndarray, *, spread: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """(rows, width) embeddings, and (rows,) mean spread of forces over the members."""
    vectors, spreads = [], []
    for batch in modality.loader(store, rows, run.spec, run.recipe, part="predict").epoch(0):
        vectors.append(run.vectors(batch))
        if spread:
            std = run.predictor.predict(batch)[ATOM].std.mean(axis=1)
            spreads.append(np.add.reduceat(std, group_starts(batch.frame.numpy())) / batch.offsets.diff().numpy())
    return np.concatenate(vectors), np.concatenate(spreads) if spread else None

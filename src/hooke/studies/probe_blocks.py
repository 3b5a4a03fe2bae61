"""Which block of an image encoder to embed with: a linear probe on each, across experimental batches.

For every block: wells embedded after it, each batch centred and scaled by its own negative controls (or by all its wells where it
has none), a ridge classifier fitted on some batches and scored on the others.

Source: arXiv 2411.02572 (second-hand): intermediate blocks of large encoders serve biology better than the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.progress import progress
from hooke.core.runs import RunFolder
from hooke.evaluate.correction.base import by_batch
from hooke.evaluate.moments import spread
from hooke.images.store import ImageStore
from hooke.images.wells import Wells
from hooke.inference.loaded import LoadedRun
from hooke.modalities.images import View, WellSource
from hooke.report.wording import decimals

_FOLDS = 3


@dataclass(frozen=True)
class BlockScore:
    """One block.

    Attributes:
        block: Its number, from 1.
        accuracy: Balanced accuracy on batches that the probe did not see: mean over folds.
        deviation: Standard deviation over folds.
        chance: One over the number of classes.
        classes, wells: How many were scored.
    """

    block: int
    accuracy: float
    deviation: float
    chance: float
    classes: int
    wells: int

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)


def probe_blocks(
    run: Path | RunFolder | LoadedRun,
    images: Path | ImageStore,
    *,
    target: str = "perturbation",
    crop: int | None = None,
    batch_size: int = 32,
    limit: int = 2000,
    seed: int = 0,
    show_progress: bool = True,
) -> list[BlockScore]:
    """Score every block.

    Args:
        run: A finished run.
        images: A store with the target in its metadata.
        target: Metadata column of the classes.
        crop: Side of the crops; None takes those of the run.
        batch_size: Crops a batch.
        limit: Most wells that are embedded, drawn at random.
        seed: Of the draw and of the folds.
        show_progress: Show which block is at work.

    Raises:
        UnknownNameError: No such column.
        DataError: Fewer than two batches, or no class that is in two of them; or a run on something else than images.
    """
    loaded = run if isinstance(run, LoadedRun) else LoadedRun.open(_folder(run))
    if loaded.modality != "images":
        raise DataError(f"{loaded.run.folder} is a run on {loaded.modality}, not on images")
    store = images if isinstance(images, ImageStore) else ImageStore.open(images)
    wells = Wells.of(store)
    if target not in wells.table.columns:
        raise UnknownNameError("metadata column", target, wells.table.columns)
    labels = wells.table[target].cast(str).fill_null("").to_numpy().astype(str)
    batches = wells.table["batch"].fill_null("").to_numpy().astype(str)
    controls = (wells.table["control"].fill_null("") == "negative").to_numpy()
    chosen = np.sort(np.random.default_rng(seed).permutation(np.flatnonzero(labels != ""))[:limit])
    labels, batches, controls = labels[chosen], batches[chosen], controls[chosen]
    folds = _folds(labels, batches, seed)
    blocks = int(loaded.network.encoder.blocks)
    scores = []
    with progress(blocks, "probing blocks", "blocks", show=show_progress) as bar:
        for block in range(1, blocks + 1):
            values = _by_controls(
                _embedded(loaded, store, chosen, View(crop, block=block), batch_size), batches, controls
            )
            found = [_accuracy(values, labels, *fold) for fold in folds]
            classes = len(np.unique(labels))
            scores.append(
                BlockScore(block, float(np.mean(found)), float(np.std(found)), 1 / classes, classes, len(chosen))
            )
            bar.advance()
    return scores


def _embedded(run: LoadedRun, store: ImageStore, wells: np.ndarray, view: View, batch_size: int) -> np.ndarray:
    """(wells, width) float32."""
    source = WellSource(store, run.spec, view, batch_size, 0, wells)
    return run.of_source(source, view)


def table(scores: Sequence[BlockScore]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for people; the best block is marked."""
    best = max(score.accuracy for score in scores)
    header = ["block", "balanced accuracy", "over folds", "chance", "classes", "wells", ""]
    return header, [
        [
            str(one.block), decimals(one.accuracy, 3), f"± {decimals(one.deviation, 3)}", decimals(one.chance, 3), f"{one.classes:,}",
            f"{one.wells:,}", "best" if one.accuracy == best else "",
        ]
        for one in scores
    ]  # fmt: skip


def _folder(run: Path | RunFolder) -> Path:
    return run.folder if isinstance(run, RunFolder) else Path(run)


def _folds(labels: np.ndarray, batches: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fitted and scored rows: whole batches, and only classes that the fitted ones hold."""
    names = np.random.default_rng(seed).permutation(np.unique(batches))
    if len(names) < 2:
        raise DataError("a probe across batches needs at least two experimental batches")
    folds = []
    for part in np.array_split(names, min(_FOLDS, len(names))):
        held = np.isin(batches, part)
        scored = held & np.isin(labels, np.unique(labels[~held]))
        if scored.any():
            folds.append((np.flatnonzero(~held), np.flatnonzero(scored)))
    if not folds:
        raise DataError("no class is in two experimental batches: a probe has nothing to score")
    return folds


def _by_controls(values: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> np.ndarray:
    out = np.empty_like(values)
    for _, rows in by_batch(batches):
        own = rows[controls[rows]]
        own = own if len(own) > 1 else rows
        out[rows] = (values[rows] - values[own].mean(axis=0)) / spread(values[own])
    return out


def _accuracy(values: np.ndarray, labels: np.ndarray, fitted: np.ndarray, scored: np.ndarray) -> float:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=float(values.shape[1])))
    found = probe.fit(values[fitted], labels[fitted]).predict(values[scored])
    right = found == labels[scored]
    return float(np.mean([right[labels[scored] == name].mean() for name in np.unique(labels[scored])]))

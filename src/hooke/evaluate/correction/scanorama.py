"""Scanorama: batches are stitched together along mutual nearest neighbours, with smoothed shifts.

On unit vectors: pairs of rows of two batches that are among each other's k nearest are matches; a batch moves by the mean of its
matches' differences, weighted by exp(-sharpness |x - match|^2).

Source: Hie, Bryson and Berger 2019. Differs: neighbours are exact; batches join a growing reference, the one with the largest share of
matched rows first, instead of growing several panoramas that merge; the shifts are kept, so that new rows and new batches
can be corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.correction.base import Correction, by_batch, checked

_REFERENCE = 20_000


@dataclass(frozen=True)
class Scanorama(Correction):
    """Anchors of every batch and the stitched reference.

    Attributes:
        names: (b,) batches, in the order in which they joined.
        ends: (b,) where each batch's anchors end.
        anchors: (a, d) matched rows as they were.
        moves: (a, d) how each of them moves.
        reference: (r, d) corrected rows, at most 20,000, for new batches.
        neighbours: k.
        sharpness: Of the smoothing.
    """

    names: np.ndarray
    ends: np.ndarray
    anchors: np.ndarray
    moves: np.ndarray
    reference: np.ndarray
    neighbours: np.ndarray
    sharpness: np.ndarray
    method: ClassVar[str] = "scanorama"

    def transform(self, values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None = None) -> np.ndarray:
        """See `Correction.transform`; the result has rows of length about one, and a new batch needs no controls."""
        precision = np.asarray(values).dtype
        values, batches, _ = checked(values, batches, controls)
        if values.shape[1] != self.reference.shape[1]:
            raise DataError(
                f"scanorama was fitted on {self.reference.shape[1]} features, these rows have {values.shape[1]}"
            )
        unit = _unit(values)
        known = {str(name): place for place, name in enumerate(self.names)}
        out = np.empty_like(unit)
        for name, rows in by_batch(batches):
            if name in known:
                part = slice(self.ends[known[name] - 1] if known[name] else 0, self.ends[known[name]])
                anchors, moves = self.anchors[part], self.moves[part]
            else:
                anchors, moves = _matches(unit[rows], self.reference, int(self.neighbours))
            out[rows] = unit[rows] + smoothed(unit[rows], anchors, moves, float(self.sharpness))
        return out.astype(precision if precision.kind == "f" else np.float32)


FITTED = Scanorama


def fit(
    values: np.ndarray,
    batches: np.ndarray,
    controls: np.ndarray,
    *,
    neighbours: int = 20,
    sharpness: float = 7.5,
    generator: np.random.Generator | None = None,
) -> Scanorama:
    """Stitch the batches together; controls are not used.

    Args:
        values, batches, controls: See `correction.fit`.
        neighbours: k of the mutual nearest neighbours.
        sharpness: Of the Gaussian weights.
        generator: Draws the reference where there are more than 20,000 rows; one seeded with 0 when None.
    """
    values, batches, _ = checked(values, batches, controls)
    generator = generator or np.random.default_rng(0)
    unit = _unit(values)
    waiting = {name: unit[rows] for name, rows in by_batch(batches)}
    first = max(waiting, key=lambda name: len(waiting[name]))
    joined, reference = [first], waiting.pop(first)
    none = np.empty((0, unit.shape[1]))
    anchors, moves = [none], [none]
    while waiting:
        found = {name: _matches(rows, reference, neighbours) for name, rows in waiting.items()}
        name = max(waiting, key=lambda name: len(np.unique(found[name][0], axis=0)) / len(waiting[name]))
        rows = waiting.pop(name)
        anchors.append(found[name][0])
        moves.append(found[name][1])
        joined.append(name)
        reference = np.concatenate([reference, rows + smoothed(rows, *found[name], sharpness)])
        if len(reference) > _REFERENCE:
            reference = reference[np.sort(generator.choice(len(reference), _REFERENCE, replace=False))]
    return Scanorama(
        np.array(joined), np.cumsum([len(part) for part in anchors]), np.concatenate(anchors), np.concatenate(moves),
        reference, np.array(neighbours), np.array(sharpness),
    )  # fmt: skip


def smoothed(rows: np.ndarray, anchors: np.ndarray, moves: np.ndarray, sharpness: float) -> np.ndarray:
    """(n, d) weighted mean of the moves around each row; zero without anchors."""
    out = np.zeros_like(rows)
    if not len(anchors):
        return out
    step = max(1, (64 << 20) // (8 * len(anchors)))
    squares = np.einsum("ij,ij->i", anchors, anchors)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        distance = np.einsum("ij,ij->i", part, part)[:, None] + squares - 2 * part @ anchors.T
        logits = -sharpness * distance
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        out[start : start + step] = weights @ moves / weights.sum(axis=1, keepdims=True)
    return out


def _matches(rows: np.ndarray, reference: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a mutual nearest neighbour in the reference, and the differences to it; one entry a match."""
    from sklearn.neighbors import NearestNeighbors

    there = NearestNeighbors(n_neighbors=min(neighbours, len(reference))).fit(reference).kneighbors(rows)[1]
    back = NearestNeighbors(n_neighbors=min(neighbours, len(rows))).fit(rows).kneighbors(reference)[1]
    forward = np.repeat(np.arange(len(rows)), there.shape[1]) * len(reference) + there.ravel()
    backward = back.ravel() * len(reference) + np.repeat(np.arange(len(reference)), back.shape[1])
    own, other = np.divmod(np.intersect1d(forward, backward), len(reference))
    return rows[own], reference[other] - rows[own]


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)

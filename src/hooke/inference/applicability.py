"""Applicability domain: how far an item is from what a run was trained on.

- `nearest_tanimoto`: similarity of its fingerprint (molecules: Morgan, radius 2, 2,048 bits) to the most similar training item; 1 for one
  that was trained on. Only where the modality has fingerprints.
- `embedding_distance`: distance to the nearest training item in the encoder's space, over the median of that distance among the
  training items themselves: about 1 is usual, large is far.

At most 20,000 training rows, evenly spaced, stand for all. They are kept in the cache folder under the hash of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.errors import DataError
from hooke.core.files import put_in_place
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.types import group_means
from hooke.inference.loaded import LoadedRun
from hooke.modalities import readable, trainable

MOST = 20_000
TANIMOTO, DISTANCE = "nearest_tanimoto", "embedding_distance"
_BLOCK = 256


@dataclass(frozen=True)
class Domain:
    """Training items to measure distances from.

    Attributes:
        bits: (N, bytes) uint8 packed fingerprints; no columns where the modality has none.
        vectors: (N, width) float32 embeddings.
        scale: Median distance of a training item to its nearest other one.
    """

    bits: np.ndarray
    vectors: np.ndarray
    scale: float

    @classmethod
    def of(cls, run: LoadedRun, *, folder: Path | None = None) -> Domain:
        """The domain of a run, from its training rows; computed once.

        Raises:
            DataError: The prepared data of the run are no longer there, or others.
        """
        folder = folder or cache_folder() / "domains"
        path = folder / f"{content_hash([run.model_hash, run.run.info['identity'], MOST])[:24]}.npz"
        if not path.exists():
            made = _made(run)
            folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(path.name + ".tmp")
            with open(temporary, "wb") as file:
                np.savez(file, bits=made.bits, vectors=made.vectors, scale=made.scale)
            put_in_place(temporary, path)
        with np.load(path) as kept:
            return cls(kept["bits"], kept["vectors"], float(kept["scale"]))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what it measures."""
        return (TANIMOTO, DISTANCE) if self.bits.shape[1] else (DISTANCE,)

    def tanimoto(self, bits: np.ndarray) -> np.ndarray:
        """(M,) similarity of packed bits to the nearest training item."""
        known = np.ascontiguousarray(self.bits).view(np.uint64)
        sizes = np.bitwise_count(known).sum(axis=1, dtype=np.int64)
        out = np.zeros(len(bits))
        for row, one in enumerate(np.ascontiguousarray(bits).view(np.uint64)):
            both = np.bitwise_count(known & one).sum(axis=1, dtype=np.int64)
            either = sizes + int(np.bitwise_count(one).sum()) - both
            out[row] = float((both / np.maximum(either, 1)).max(initial=0.0))
        return out

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        """(M,) scaled distance of embeddings to the nearest training item."""
        return nearest(vectors, self.vectors) / self.scale


def nearest(vectors: np.ndarray, known: np.ndarray, *, without_itself: bool = False) -> np.ndarray:
    """(M,) Euclidean distance to the nearest known vector; `without_itself` where row i of both is the same item."""
    out = np.zeros(len(vectors))
    norms = np.square(known, dtype=np.float64).sum(axis=1)
    for start in range(0, len(vectors), _BLOCK):
        some = vectors[start : start + _BLOCK].astype(np.float64)
        squared = np.square(some).sum(axis=1)[:, None] - 2 * some @ known.T + norms
        if without_itself:
            squared[np.arange(len(some)), start + np.arange(len(some))] = np.inf
        out[start : start + len(some)] = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return out


def _made(run: LoadedRun) -> Domain:
    info, trained, reading = run.run.info, trainable(run.modality, "predict"), readable(run.modality, "predict")
    folder = Path(info.get("store", ""))
    if not info.get("store") or not folder.exists():
        raise DataError(f"the training data of {run.run.folder} are gone ({folder}); prepare the data again")
    store = trained.open(folder)
    if store.content_hash != info["data_hash"]:
        raise DataError(f"{folder} holds other {trained.items} than {run.run.folder} was trained on")
    parts = pl.read_parquet(run.run.path("split.parquet"))
    rows = parts.filter(pl.col("split") == "train")["row"].to_numpy()
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64))]
    vectors, bits, owners = [], [], []
    for batch in trained.loader(store, rows, reading.comparable(run.spec), run.recipe, part="predict").epoch(0):
        vectors.append(run.vectors(batch))
        found = reading.fingerprints(batch)
        bits.append(np.zeros((batch.num_items, 0), np.uint8) if found is None else found)
        owners.append(batch.rows.numpy())
    means = group_means(np.concatenate(vectors), np.concatenate(owners))
    scale = float(np.median(nearest(means, means, without_itself=True))) if len(means) > 1 else 1.0
    return Domain(np.concatenate(bits), means, scale if scale > 0 else 1.0)

"""Applicability domain: whether an item is like what a run was trained on, and how far it is from it.

- `domain`: "in" or "out"; `domain_reason`: which of the following is beyond what nearly all training items show among themselves (for each
  the limit is the most extreme 2.5 %, so that at most 5 % of them would be called out).
- `nearest_tanimoto`: similarity of its fingerprint (molecules: Morgan, radius 2, 2,048 bits) to the most similar training item; 1 for one
  that was trained on. Only where the modality has fingerprints.
- `embedding_distance`: distance to the nearest training item in the encoder's space, over the median of that distance among the
  training items themselves: about 1 is usual, large is far.

Estimators have no embedding space. At most 20,000 training rows, evenly spaced, stand for all. They are kept in the run's folder where `fit`
makes them (`Trainable.keeps_domain`), so that the training data are not needed later, else in the cache folder under the hash of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from hooke.core.checked import kept_arrays
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.types import Batch, group_means
from hooke.evaluate.splits import evenly_spaced
from hooke.inference.loaded import LoadedRun
from hooke.modalities import readable, trainable

MOST = 20_000
KEPT = "domain.npz"  # in the folder of a run
VERDICT, REASON = "domain", "domain_reason"
TANIMOTO, DISTANCE = "nearest_tanimoto", "embedding_distance"
_BEYOND = 0.025  # share of the training items beyond each limit
_COMPARED = 2_000  # training items that the limit of similarities is found on
_BLOCK = 256


@dataclass(frozen=True)
class Domain:
    """Training items to measure distances from.

    Attributes:
        bits: (N, bytes) uint8 packed fingerprints; no columns where the modality has none.
        vectors: (N, width) float32 embeddings; no columns where the run has no encoder.
        scale: Median distance of a training item to its nearest other one.
        least_similarity, most_distance: Limits of the domain.
    """

    bits: np.ndarray
    vectors: np.ndarray
    scale: float = 1.0
    least_similarity: float = 0.0
    most_distance: float = np.inf

    @classmethod
    def around(cls, bits: np.ndarray, vectors: np.ndarray) -> Domain:
        """The domain of these training items; its limits are those of their own distances to each other."""
        if len(bits) < 2:
            return cls(bits, vectors)
        least, most, scale = 0.0, np.inf, 1.0
        if bits.shape[1]:
            rows = evenly_spaced(len(bits), _COMPARED)
            least = float(np.quantile(_tanimoto(bits[rows], bits, without=rows), _BEYOND))
        if vectors.shape[1]:
            distances = nearest(vectors, vectors, without_itself=True)
            scale = float(np.median(distances)) or 1.0
            most = float(np.quantile(distances, 1 - _BEYOND)) / scale
        return cls(bits, vectors, scale, least, most)

    @classmethod
    def of(cls, run: LoadedRun, *, folder: Path | None = None) -> Domain:
        """The domain of a run, from its training rows; computed once.

        Args:
            run: Whose.
            folder: Where it is kept if not in the run.

        Raises:
            DataError: The prepared data of the run are no longer there, or others.
        """
        if (kept := cls.kept_by(run)) is not None:
            return kept
        identity = content_hash([run.model_hash, run.run.info["identity"], MOST, _BEYOND])
        return cls._at((folder or cache_folder() / "domains") / f"{identity[:24]}.npz", run)

    @classmethod
    def kept(cls, run: LoadedRun) -> Domain:
        """The domain of a run, in its folder from now on."""
        return cls._at(run.run.path(KEPT), run)

    @classmethod
    def kept_by(cls, run: LoadedRun) -> Domain | None:
        """The domain that is in the folder of a run; None where none is."""
        return cls.kept(run) if run.run.path(KEPT).exists() else None

    @classmethod
    def _at(cls, path: Path, run: LoadedRun) -> Domain:

        def arrays() -> dict[str, np.ndarray]:
            return {name: np.asarray(value) for name, value in vars(_made(run)).items()}

        known = kept_arrays(path, arrays, f"is computing {path}")
        limits = {name: float(known[name]) for name in ("scale", "least_similarity", "most_distance")}
        return cls(known["bits"], known["vectors"], **limits)

    def tanimoto(self, bits: np.ndarray) -> np.ndarray:
        """(M,) similarity of packed bits to the nearest training item."""
        return _tanimoto(bits, self.bits)

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        """(M,) scaled distance of embeddings to the nearest training item."""
        return nearest(vectors, self.vectors) / self.scale

    def too_far(self, distance: float, items: str) -> str:
        """Why an item at this scaled distance of embeddings is outside; "" where it is not."""
        if distance <= self.most_distance:
            return ""
        return f"embedding distance to the nearest of the training {items} is {distance:.2g}, above {self.most_distance:.2g}"

    def placed(self, bits: np.ndarray | None, vectors: np.ndarray, items: str) -> dict[str, pa.Array]:
        """Where items lie, as columns: the verdict, its reason and what was measured.

        Args:
            bits: (M, bytes) packed fingerprints; None of no item.
            vectors: (M, width) embeddings.
            items: What the items are called.
        """
        measured: dict[str, np.ndarray] = {}
        reasons: list[list[str]] = [[] for _ in vectors]
        if self.bits.shape[1]:
            measured[TANIMOTO] = np.zeros(0) if bits is None else self.tanimoto(bits)
            for row in np.flatnonzero(measured[TANIMOTO] < self.least_similarity):
                reasons[row].append(
                    f"similarity to the nearest of the training {items} is {measured[TANIMOTO][row]:.2f}, below {self.least_similarity:.2f}"
                )
        if self.vectors.shape[1]:
            measured[DISTANCE] = self.distance(vectors)
            for row in np.flatnonzero(measured[DISTANCE] > self.most_distance):
                reasons[row].append(self.too_far(measured[DISTANCE][row], items))
        return {
            VERDICT: pa.array(["out" if found else "in" for found in reasons], pa.string()),
            REASON: pa.array(["; ".join(found) or None for found in reasons], pa.string()),
            **{name: pa.array(values.astype(np.float32)) for name, values in measured.items()},
        }


def places(run: LoadedRun, store: Any, rows: np.ndarray) -> pa.Table:
    """Where rows of the run's own store lie in its domain, which has fingerprints: the columns of `Domain.placed`."""
    domain, modality = Domain.of(run), trainable(run.modality, "predict")
    reading = readable(run.modality, "predict")
    bits: list[np.ndarray] = []
    vectors: list[np.ndarray] = []
    for batch in modality.loader(store, rows, reading.comparable(run.run_spec), run.recipe, part="predict").epoch(0):
        found = reading.fingerprints(batch)
        assert found is not None
        bits.append(found)
        vectors.append(domain_vectors(run, batch))
    return pa.table(domain.placed(np.concatenate(bits), np.concatenate(vectors), modality.items))


def domain_vectors(run: LoadedRun, batch: Batch) -> np.ndarray:
    """(items, width) float32 embeddings to measure distances between; no columns where the run has no encoder."""
    return np.zeros((batch.num_items, 0), np.float32) if run.recipe.has_estimator else run.vectors(batch)


def _tanimoto(bits: np.ndarray, known: np.ndarray, *, without: np.ndarray | None = None) -> np.ndarray:
    """(M,) similarity of packed bits to the most similar known ones; `without`: (M,) which known one each of them is itself."""
    words = np.ascontiguousarray(known).view(np.uint64)
    sizes = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    out = np.zeros(len(bits))
    for row, one in enumerate(np.ascontiguousarray(bits).view(np.uint64)):
        both = np.bitwise_count(words & one).sum(axis=1, dtype=np.int64)
        either = sizes + int(np.bitwise_count(one).sum()) - both
        similarity = both / np.maximum(either, 1)
        if without is not None:
            similarity[without[row]] = 0.0
        out[row] = float(similarity.max(initial=0.0))
    return out


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
    rows = rows[evenly_spaced(len(rows), MOST)]
    vectors, bits, owners = [], [], []
    for batch in trained.loader(store, rows, reading.comparable(run.run_spec), run.recipe, part="predict").epoch(0):
        vectors.append(domain_vectors(run, batch))
        found = reading.fingerprints(batch)
        bits.append(np.zeros((batch.num_items, 0), np.uint8) if found is None else found)
        owners.append(batch.rows.numpy())
    made = Domain.around(np.concatenate(bits), group_means(np.concatenate(vectors), np.concatenate(owners)))
    if not made.bits.shape[1] and not made.vectors.shape[1]:
        raise UsageError(
            f"{run.run.folder} has neither an encoder nor fingerprints of {trained.items} to measure distances by"
        )
    return made

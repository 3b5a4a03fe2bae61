"""Applicability domain: how far a molecule is from what a run was trained on.

- `nearest_tanimoto`: similarity (Morgan, radius 2, 2,048 bits) to the most similar training molecule; 1 for one that was trained on.
- `embedding_distance`: distance to the nearest training molecule in the encoder's space, over the median of that distance among the
  training molecules themselves: about 1 is usual, large is far.

At most 20,000 training molecules, evenly spaced, stand for all. They are kept in the cache folder under the hash of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.errors import DataError
from hooke.core.files import put_in_place
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.inference.loaded import LoadedRun
from hooke.molecules.batch import batches
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.fingerprints import morgan_bits
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.prepare import PreparedMolecules, prepare
from hooke.molecules.store import MoleculeStore

MORGAN = "morgan_bits"
MOST = 20_000
COLUMNS = ("nearest_tanimoto", "embedding_distance")
_BITS = 2048
_BLOCK = 256


@dataclass(frozen=True)
class WithFingerprints:
    """A run's preparation, with packed Morgan bits beside the encodings."""

    standardise: StandardiseConfig
    encodings: EncodingConfig

    def prepare(self, smiles: Sequence[str]) -> PreparedMolecules:
        """As `Preparation.prepare`, with `MORGAN` among the encodings of the graphs."""
        found = prepare(smiles, self.standardise, self.encodings)
        graphs = {**found.arrays.graph_encodings, MORGAN: packed_bits(found.canonical)}
        return replace(found, arrays=replace(found.arrays, graph_encodings=graphs))

    def fits(self, store: MoleculeStore) -> bool:
        """Never: stores hold no fingerprints."""
        return False


def packed_bits(smiles: Sequence[str]) -> np.ndarray:
    """(N, 256) uint8 Morgan bits, eight a byte."""
    from rdkit import DataStructs

    bits = np.zeros((len(smiles), _BITS), np.uint8)
    for row, found in enumerate(morgan_bits(smiles, bits=_BITS)):
        DataStructs.ConvertToNumpyArray(found, bits[row])
    return np.packbits(bits, axis=1)


@dataclass(frozen=True)
class Domain:
    """Training molecules to measure distances from.

    Attributes:
        bits: (N, 256) uint8.
        vectors: (N, width) float32 embeddings.
        scale: Median distance of a training molecule to its nearest other one.
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

    def tanimoto(self, bits: np.ndarray) -> np.ndarray:
        """(M,) similarity of packed bits to the nearest training molecule."""
        known = np.ascontiguousarray(self.bits).view(np.uint64)
        sizes = np.bitwise_count(known).sum(axis=1, dtype=np.int64)
        out = np.zeros(len(bits))
        for row, one in enumerate(np.ascontiguousarray(bits).view(np.uint64)):
            both = np.bitwise_count(known & one).sum(axis=1, dtype=np.int64)
            either = sizes + int(np.bitwise_count(one).sum()) - both
            out[row] = float((both / np.maximum(either, 1)).max(initial=0.0))
        return out

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        """(M,) scaled distance of embeddings to the nearest training molecule."""
        return nearest(vectors, self.vectors) / self.scale


def nearest(vectors: np.ndarray, known: np.ndarray, *, without_itself: bool = False) -> np.ndarray:
    """(M,) Euclidean distance to the nearest known vector; `without_itself` where row i of both is the same molecule."""
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
    info = run.run.info
    folder = Path(info.get("store", ""))
    if not info.get("store") or not folder.exists():
        raise DataError(f"the training molecules of {run.run.folder} are gone ({folder}); prepare the data again")
    store = MoleculeStore.open(folder)
    if store.content_hash != info["data_hash"]:
        raise DataError(f"{folder} holds other molecules than {run.run.folder} was trained on")
    parts = pl.read_parquet(run.run.path("split.parquet"))
    rows = parts.filter(pl.col("split") == "train")["row"].to_numpy()
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64))]
    smiles = store.smiles(rows)
    arrays = prepare(smiles, run.standardise, run.encodings, canonical=False).arrays
    vectors = np.concatenate([run.ensemble.embed(batch) for batch in batches(arrays, _BLOCK)])
    scale = float(np.median(nearest(vectors, vectors, without_itself=True))) if len(vectors) > 1 else 1.0
    return Domain(packed_bits(smiles), vectors, scale if scale > 0 else 1.0)

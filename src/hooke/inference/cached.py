"""Embeddings of whole stores, computed once: the second probe of the same encoder and data costs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.core.files import exclusive, put_in_place
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.progress import progress
from hooke.encoders import Encoder
from hooke.inference.embed import EmbeddingColumn
from hooke.molecules.source import StoreSource
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.reading import CHUNK_ROWS


def cached_embeddings(
    encoder: Encoder,
    store: MoleculeStore,
    *,
    folder: Path | None = None,
    batch_size: int = 256,
    show_progress: bool = True,
) -> np.ndarray:
    """(N, width) float32 of all molecules of a store, memory-mapped; NaN rows where the encoder has no vector.

    Args:
        encoder: Whose embeddings.
        store: Of what.
        folder: Where they are kept; by default `embeddings` in the cache folder. The file's name follows from the encoder's weights
            and the store's content, so nothing stale is ever read.
        batch_size: Molecules a batch.
        show_progress: Show a progress bar.
    """
    folder = folder or cache_folder() / "embeddings"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{content_hash([encoder.stamp()['model_hash'], store.content_hash])[:24]}.npy"
    with exclusive(path.with_name(path.name + ".lock"), f"is computing {path}"):
        if not path.exists():
            _compute(encoder, store, path, batch_size, show_progress)
    return np.load(path, mmap_mode="r")


def _compute(encoder: Encoder, store: MoleculeStore, path: Path, batch_size: int, show_progress: bool) -> None:
    column = EmbeddingColumn(encoder, batch_size)
    vectors = np.full((len(store), column.width), np.nan, np.float32)
    workers = None if len(store) > CHUNK_ROWS else 0
    with progress(len(store), f"embedding {store.folder.name}", "molecules", show=show_progress) as bar:
        for chunk in StoreSource(store).chunks(encoder.preparation, skip=0, workers=workers):
            vectors[chunk.rows[chunk.kept] - 1] = column.vectors(chunk.arrays)
            bar.advance(len(chunk.rows))
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        np.save(file, vectors)
    put_in_place(temporary, path)

"""Embeddings of whole stores, computed once: the second probe of the same encoder and data costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.checked import kept_array
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.progress import progress
from hooke.encoders import Encoder
from hooke.inference.embed import source_and_column
from hooke.inference.stream import computed


def cached_embeddings(
    encoder: Encoder,
    store: Any,
    *,
    folder: Path | None = None,
    batch_size: int | None = None,
    show_progress: bool = True,
    **options: Any,
) -> np.ndarray:
    """(rows, width) float32 of all rows of a store (wells of images), memory-mapped; NaN where the encoder has no vector.

    Args:
        encoder: Whose embeddings.
        store: Of what.
        folder: Where they are kept; by default `embeddings` in the cache folder. The file's name follows from the encoder's weights
            and the store's content, so nothing stale is ever read.
        batch_size: Items a batch; None takes the modality's.
        show_progress: Show a progress bar.
        options: Of the modality, such as the layer.
    """
    folder = folder or cache_folder() / "embeddings"
    identity = [encoder.stamp()["model_hash"], store.content_hash, *([options] if options else [])]
    path = folder / f"{content_hash(identity)[:24]}.npy"
    return kept_array(
        path, lambda: _computed(encoder, store, batch_size, options, show_progress), f"is computing {path}", mapped=True
    )


def _computed(
    encoder: Encoder, store: Any, batch_size: int | None, options: Mapping[str, Any], show_progress: bool
) -> np.ndarray:
    """Of the first vector of each row."""
    source, column = source_and_column(encoder, store, options, batch_size=batch_size)
    parts = []
    with progress(source.row_count(), f"embedding {source.name}", source.unit, show=show_progress) as bar:
        for table in computed(source, column):
            found = table["embedding"].combine_chunks()
            values = found.flatten().to_numpy(zero_copy_only=False).reshape(-1, column.width)
            rows = np.full((len(table), column.width), np.nan, np.float32)
            rows[found.is_valid().to_numpy(zero_copy_only=False)] = values
            parts.append(rows)
            bar.advance(len(table))
    return np.concatenate(parts)

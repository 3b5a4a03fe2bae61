"""One vector a row (a molecule, a well) from a trained encoder, streamed to a file or straight into an array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hooke.core.errors import UsageError, nearest
from hooke.core.types import Chunk, Source
from hooke.encoders import Encoder
from hooke.inference.ensemble import group_means
from hooke.inference.loaded import LoadedRun
from hooke.inference.stream import StreamReport, rows_with_items, stream
from hooke.modalities import Readable, readable

NOT_FINITE = "the embedding is not finite"


def embed(
    run: Path | Encoder,
    source: Any,
    output: Path,
    *,
    batch_size: int | None = None,
    workers: int | None = None,
    device: str = "auto",
    resume: bool = True,
    show_progress: bool = True,
    **options: Any,
) -> StreamReport:
    """Embed every row of a file or store; every row has its output row, in order.

    The output is Parquet: the columns of the source (`row` and the cells of a table of molecules; the metadata of a well),
    `embedding` (float32 list of fixed size; null where there is nothing to embed) and `reason`. With an ensemble the vectors are
    those of its first member: spaces of different encoders cannot be averaged.

    Args:
        run: A run folder, a loaded run, or loaded published weights.
        source: A user's file, or a prepared store.
        output: .parquet.
        batch_size: Items a batch (few enough to stay in the processor's cache); None takes the modality's.
        workers: Processes for preparing; None takes all cores. For images: processes that read, none by default.
        device: "auto", "cpu" or "cuda"; a loaded run stays where it is.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show rows, rate and time left.
        options: How the file is read and shown to the encoder: the `Readable.options` of the modality.

    Raises:
        UsageError: The output is not .parquet, or an option of another modality.
        DataError: The run, the source or the disk is at fault.
    """
    loaded = run if isinstance(run, Encoder) else LoadedRun.open(Path(run), device)
    modality = readable(loaded.modality, "embed")
    size = batch_size or modality.batch_size
    found, column = source_and_column(loaded, source, options, batch_size=size, workers=workers or 0)
    identity = {"verb": "embed", "options": asdict(column.options), "batch_size": size}
    report = stream(
        found, Path(output), column, loaded.stamp(), identity, workers=workers, resume=resume,
        show_progress=show_progress, doing="embedding", suffixes=(".parquet",),
    )  # fmt: skip
    return replace(report, following=modality.following(Path(output)))


def embed_in_memory(encoder: Encoder, given: Any, *, batch_size: int | None = None, **options: Any) -> np.ndarray:
    """(rows, width) float32; rows of NaN for what cannot be read."""
    source, column = source_and_column(encoder, given, options, batch_size=batch_size)
    parts = [column.rows(source.chunk(source.prepare(job))) for job in source.jobs()]
    return np.concatenate(parts) if parts else np.zeros((0, column.width), np.float32)


def source_and_column(
    encoder: Encoder, given: Any, options: Mapping[str, Any], *, batch_size: int | None = None, workers: int = 0
) -> tuple[Source, EmbeddingColumn]:
    """What is given as a source for an encoder, and the column of its vectors.

    Args:
        encoder: Whose vectors.
        given: A user's file, a store, or things in memory.
        options: Of the modality.
        batch_size: Items a batch; None takes the modality's.
        workers: Processes that read.

    Raises:
        UsageError: No such option.
        DataError: It cannot be read.
    """
    modality = readable(encoder.modality, "embed")
    taken = chosen(modality, options)
    size = batch_size or modality.batch_size
    source = modality.source(given, encoder.spec, taken, batch_size=size, workers=workers)
    return source, EmbeddingColumn(encoder, source, taken)


class EmbeddingColumn:
    """The one column of an encoder's vectors.

    Args:
        encoder: Whose.
        source: Of what.
        options: Of its modality, an instance of `Readable.options`.
    """

    def __init__(self, encoder: Encoder, source: Source, options: Any) -> None:
        self._encoder, self.options = encoder, options
        self.on_gpu, self.width = encoder.on_gpu, encoder.width_of(source)

    @cached_property
    def schema(self) -> pa.Schema:
        """Its name and type."""
        return pa.schema([pa.field("embedding", pa.list_(pa.float32(), self.width))])

    def vectors(self, chunk: Chunk) -> np.ndarray:
        """(rows with items, width) float32."""
        parts = [self._encoder.vectors(batch, self.options) for batch in chunk.batches]
        if not parts:
            return np.zeros((0, self.width), np.float32)
        return averaged(np.concatenate(parts), chunk)

    def rows(self, chunk: Chunk) -> np.ndarray:
        """(rows, width) float32, NaN where there is none."""
        found = np.full((chunk.table.num_rows, self.width), np.nan, np.float32)
        found[rows_with_items(chunk)] = self.vectors(chunk)
        return found

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The column for the rows with items, and which of them have no finite vector."""
        vectors = self.vectors(chunk)
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist()
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        return [column], dict.fromkeys(bad, NOT_FINITE)


def averaged(vectors: np.ndarray, chunk: Chunk) -> np.ndarray:
    """(rows with items, width) float32: the means over crops, in float64, and then over fields."""
    first, *others = chunk.owners
    found = group_means(vectors.astype(np.float64) if len(np.unique(first)) < len(first) else vectors, first)
    for step in _steps(first, others):
        found = group_means(found.astype(np.float32), step)
    return found.astype(np.float32, copy=False)


def _steps(first: np.ndarray, others: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The further steps for those groups alone that have an item."""
    present = np.unique(first)
    for step in others:
        yield step[present]
        present = np.unique(step[present])


def chosen(modality: Readable, options: Any) -> Any:
    """The options of a modality as its dataclass.

    Raises:
        UsageError: It has no such option.
    """
    valid = [field.name for field in fields(modality.options)]
    for name in options:
        if name not in valid:
            near = nearest(name, valid)
            raise UsageError(
                f"{name} is no option for a run on {modality.name}" + (f"; did you mean {near!r}?" if near else "")
            )
    return modality.options(**options)

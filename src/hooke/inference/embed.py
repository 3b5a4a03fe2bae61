"""One vector a row (a molecule, a well) from a trained encoder, streamed to a file or straight into an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hooke.core.options import chosen
from hooke.core.types import Chunk, Source
from hooke.encoders import Encoder
from hooke.inference.loaded import LoadedRun
from hooke.inference.plan import InferencePlan, measured
from hooke.inference.stream import StreamReport, stream
from hooke.modalities import readable

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
    escape_formulas: bool = False,
    **options: Any,
) -> StreamReport:
    """Embed every row of a file or store; every row has its output row, in order.

    The output is Parquet or CSV: the columns of the source (`row` and the cells of a table of molecules; the metadata of a well),
    `embedding` (float32 list of fixed size, in CSV a column `embedding_0`, `embedding_1` ... for each number; null where there is nothing to
    embed; `embedding_N` for each of several layers) and `reason`.
    With an ensemble the vectors are those of its first member: spaces of different encoders cannot be averaged.

    Args:
        run: A run folder, a loaded run, or loaded published weights.
        source: A user's file, or a prepared store.
        output: .parquet or .csv.
        batch_size: Items a batch (few enough to stay in the processor's cache); None takes the modality's.
        workers: Processes for preparing; None takes all cores. For images: processes that read, none by default.
        device: "auto", "cpu" or "cuda"; a loaded run stays where it is.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show rows, rate and time left.
        escape_formulas: In a CSV, put an apostrophe before texts that a spreadsheet would run as formulas.
        options: How the file is read and shown to the encoder: the `Readable.options` of the modality.

    Raises:
        UsageError: The output is neither .parquet nor .csv, or an option of another modality.
        DataError: The run, the source or the disk is at fault.
    """
    loaded = run if isinstance(run, Encoder) else LoadedRun.open(Path(run), device)
    modality = readable(loaded.modality, "embed")
    size = batch_size or modality.batch_size
    found, column = source_and_column(loaded, source, options, batch_size=size, workers=workers or 0)
    identity = {"verb": "embed", "options": asdict(column.options), "batch_size": size}
    report = stream(
        found, Path(output), column, loaded.stamp(), identity, workers=workers, resume=resume,
        show_progress=show_progress, doing="embedding", escape_formulas=escape_formulas,
    )  # fmt: skip
    return replace(report, following=modality.following(Path(output)))


def plan_embedding(
    run: LoadedRun, source: Any, *, batch_size: int | None = None, seconds: float = 10.0, **options: Any
) -> InferencePlan:
    """What embedding a source with a run would need, measured on its first rows; see `inference.plan.measured`."""
    found, column = source_and_column(run, source, options, batch_size=batch_size)
    predictor = run.predictor
    return measured(found, column, parameters=predictor.parameters, device=str(predictor.device), seconds=seconds)


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
    """The column of an encoder's vectors, or one for each of several layers.

    Args:
        encoder: Whose.
        source: Of what.
        options: Of its modality, an instance of `Readable.options`.
    """

    facts: Mapping[str, Any] = {}
    counted: Sequence[str] = ()

    def __init__(self, encoder: Encoder, source: Source, options: Any) -> None:
        self._encoder, self.options = encoder, options
        self.on_gpu, self.parts = encoder.on_gpu, encoder.parts_of(source, options)
        self.width = sum(self.parts.values())

    @cached_property
    def schema(self) -> pa.Schema:
        """Name and type of each vector."""
        return pa.schema([pa.field(name, pa.list_(pa.float32(), width)) for name, width in self.parts.items()])

    def vectors(self, chunk: Chunk) -> np.ndarray:
        """(rows with items, width) float32."""
        return self._encoder.of_rows(chunk, self.options, self.width)

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The column for the rows with items, and which of them have no finite vector."""
        vectors = self.vectors(chunk)
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist()
        ends = np.cumsum(list(self.parts.values()))
        columns = [
            pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(part).reshape(-1)), part.shape[1])
            for part in np.split(vectors, ends[:-1], axis=1)
        ]
        return columns, dict.fromkeys(bad, NOT_FINITE)

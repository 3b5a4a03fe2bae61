"""One vector a molecule from a trained encoder, streamed to a file or straight into an array."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from hooke.encoders import Encoder
from hooke.inference.loaded import LoadedRun
from hooke.inference.stream import StreamReport, stream
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.batch import batches
from hooke.molecules.source import open_source, prepare_smiles
from hooke.molecules.store import MoleculeStore

NOT_FINITE = "the embedding is not finite"


def embed(
    run: Path | Encoder,
    source: Path | str | MoleculeStore,
    output: Path,
    *,
    smiles_column: str | None = None,
    batch_size: int = 256,
    workers: int | None = None,
    device: str = "auto",
    resume: bool = True,
    show_progress: bool = True,
) -> StreamReport:
    """Embed every row of a table; every row has its output row, in order.

    The output is Parquet: `row`, the input columns, `embedding` (float32 list of fixed size; null where there is no
    molecule) and `reason`. With an ensemble the vectors are those of its first member: spaces of different encoders
    cannot be averaged.

    Args:
        run: A run folder, a loaded run, or loaded published weights.
        source: CSV(.gz), Parquet, SDF or SMILES file, or a prepared store.
        output: .parquet.
        smiles_column: Name of the SMILES column, if it is not recognised.
        batch_size: Molecules a batch; few enough to stay in the processor's cache.
        workers: Processes for parsing; None takes all cores.
        device: "auto", "cpu" or "cuda"; a loaded run stays where it is.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show rows, rate and time left.

    Raises:
        UsageError: The output is not .parquet.
        DataError: The run, the source or the disk is at fault.
    """
    loaded = run if isinstance(run, Encoder) else LoadedRun.open(run, device)
    options = {"verb": "embed", "smiles": smiles_column, "batch_size": batch_size}
    return stream(
        open_source(source, smiles_column), Path(output), EmbeddingColumn(loaded, batch_size),
        loaded.preparation, loaded.stamp(), options, workers=workers, resume=resume,
        show_progress=show_progress, doing="embedding", suffixes=(".parquet",),
    )  # fmt: skip


def embed_smiles(
    run: Path | Encoder, smiles: Sequence[str], *, batch_size: int = 256, device: str = "auto"
) -> np.ndarray:
    """(N, width) float32 in memory; rows of NaN for strings that are no molecules."""
    loaded = run if isinstance(run, Encoder) else LoadedRun.open(run, device)
    chunk = prepare_smiles(smiles, loaded.preparation)
    column = EmbeddingColumn(loaded, batch_size)
    vectors = np.full((len(smiles), column.width), np.nan, np.float32)
    vectors[chunk.kept] = column.vectors(chunk.arrays)
    return vectors


class EmbeddingColumn:
    """The one column of an encoder's vectors."""

    def __init__(self, encoder: Encoder, batch_size: int) -> None:
        self._encoder, self._batch_size = encoder, batch_size
        self.width, self.on_gpu = encoder.width, encoder.on_gpu

    @cached_property
    def schema(self) -> pa.Schema:
        """Its name and type."""
        return pa.schema([pa.field("embedding", pa.list_(pa.float32(), self.width))])

    def vectors(self, arrays: MoleculeArrays) -> np.ndarray:
        """(K, width) float32."""
        parts = [self._encoder.vectors(batch) for batch in batches(arrays, self._batch_size)]
        return np.concatenate(parts) if parts else np.zeros((0, self.width), np.float32)

    def compute(self, arrays: MoleculeArrays) -> tuple[list[pa.Array], dict[int, str]]:
        """The column for K molecules, and which of them have no finite vector."""
        vectors = self.vectors(arrays)
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist()
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self.width)
        return [column], dict.fromkeys(bad, NOT_FINITE)

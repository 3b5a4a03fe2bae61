"""Published encoders from outside, one file or folder each, which holds `modality` and `load(weights, device)`; the name is the file's.

`Encoder` is what `embed` and probes need: a finished run is one as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.options import chosen
from hooke.core.recipe import modality_object
from hooke.core.types import Batch, Chunk, Source

EMBEDDING = "embedding"


class Encoder(ABC):
    """Whatever turns things into vectors."""

    @property
    @abstractmethod
    def modality(self) -> str:
        """The kind of things."""

    @property
    @abstractmethod
    def spec(self) -> Any:
        """What its batches must carry; `modality.source` prepares a user's file by it."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers in an embedding of things like those that it was trained on."""

    def parts_of(self, source: Source, options: Any = None) -> dict[str, int]:
        """Name → numbers of each vector of a row of a source, in the order in which `vectors` puts them side by side.

        Args:
            source: Where images have other channels, vectors have another width.
            options: Of the modality; several layers have a vector each.

        Raises:
            UsageError: Layers are named that it does not have.
        """
        if getattr(options, "layers", ()):
            raise UsageError("only trained runs have layers to name; published weights give one vector")
        return {EMBEDDING: self.width}

    def width_of(self, source: Source, options: Any = None) -> int:
        """Numbers in all vectors of a row."""
        return sum(self.parts_of(source, options).values())

    @abstractmethod
    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        """(items, width) float32, one row an item.

        Args:
            batch: The items.
            options: Of the modality (`Readable.options`); None: the defaults.
        """

    def adapting(self, chunk: Chunk, options: Any) -> AbstractContextManager[None]:
        """While a chunk is computed: what its networks take on from the items that it belongs to (`Readable.adapting`)."""
        return modality_object(self.modality).adapting((), None, chunk, options)

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU; then one process computes, and others prepare for it."""
        return False

    @abstractmethod
    def stamp(self) -> dict[str, Any]:
        """What is written into every file that it makes; `model_hash` changes whenever a vector could."""

    def embed(self, given: Any, *, batch_size: int | None = None, **options: Any) -> np.ndarray:
        """(rows, width) float32 in memory; rows of NaN for what cannot be read.

        Args:
            given: Of molecules: one SMILES or RDKit molecule, a sequence, series or table of them (None is a row of NaN), a store, or a
                file. Of images a store, whose wells are the rows, or an array of fields, (fields, channels, height, width) of uint8, uint16 or
                floats between 0 and 1, or (channels, height, width) of one field; `channels=("DNA", "ER", ...)` names its channels where they
                are not the encoder's own in their order.
            batch_size: Items a batch; None takes the modality's.
            options: Of the modality: see its `Readable.options`.
        """
        modality = modality_object(self.modality)
        taken = chosen(modality, options)
        source = modality.source(given, self.spec, taken, batch_size=batch_size or modality.batch_size)
        return self.of_source(source, taken)

    def of_source(self, source: Source, options: Any) -> np.ndarray:
        """(rows, width) float32 in memory; rows of NaN where a row has no item."""
        width, parts = self.width_of(source, options), []
        for job in source.jobs():
            chunk = source.chunk(source.prepare(job))
            parts.append(np.full((chunk.table.num_rows, width), np.nan, np.float32))
            parts[-1][chunk.rows] = self.of_rows(chunk, options, width)
        return np.concatenate(parts) if parts else np.zeros((0, width), np.float32)

    def of_rows(self, chunk: Chunk, options: Any, width: int) -> np.ndarray:
        """(rows of a chunk that have items, width) float32."""
        with self.adapting(chunk, options):
            parts = [self.vectors(batch, options) for batch in chunk.batches]
        return chunk.means(np.concatenate(parts)) if parts else np.zeros((0, width), np.float32)

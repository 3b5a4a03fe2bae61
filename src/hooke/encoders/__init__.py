"""Published encoders from outside, one file or folder each, which holds `modality` and `load(weights, device)`; the name is the file's.

`Encoder` is what `embed` and probes need: a finished run is one as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from hooke.core.types import Batch, Source


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

    def width_of(self, source: Source) -> int:
        """Numbers in an embedding of what a source gives, where that can be other than `width` (images in other channels)."""
        return self.width

    @abstractmethod
    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        """(items, width) float32, one row an item.

        Args:
            batch: The items.
            options: Of the modality (`Readable.options`); None: the defaults.
        """

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
            given: A sequence of things (SMILES), a store, or a file.
            batch_size: Items a batch; None takes the modality's.
            options: Of the modality: see its `Readable.options`.
        """
        from hooke.inference.embed import embed_in_memory

        return embed_in_memory(self, given, batch_size=batch_size, **options)

"""`Encoder`: whatever turns molecules into vectors: a finished run, or published weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.source import How


class Encoder(ABC):
    """What `embed` and probes need."""

    @property
    @abstractmethod
    def preparation(self) -> How:
        """How SMILES become the arrays that it reads."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers in an embedding."""

    @abstractmethod
    def vectors(self, batch: MoleculeBatch) -> np.ndarray:
        """(B, width) float32, one row a molecule."""

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a GPU; then one process computes, and others prepare for it."""
        return False

    @abstractmethod
    def stamp(self) -> dict[str, Any]:
        """What is written into every file that it makes; `model_hash` changes whenever a vector could."""

    def embed(self, smiles: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
        """(N, width) float32 in memory; rows of NaN for strings that are no molecules."""
        from hooke.inference.embed import embed_smiles

        return embed_smiles(self, smiles, batch_size=batch_size)

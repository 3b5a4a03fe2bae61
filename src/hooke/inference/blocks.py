"""Blocks of features side by side: what an estimator of a run reads of a batch, vectors of encoders among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hooke.core import registry
from hooke.core.errors import DataError
from hooke.encoders import Encoder
from hooke.inference.shipped import shipped_names
from hooke.modalities import Trainable


@dataclass(frozen=True)
class Vectors:
    """The vectors of an encoder as a function of things (SMILES); each process loads the encoder once.

    Attributes:
        encoder: A shipped encoder, or published weights.
    """

    encoder: str

    def __call__(self, given: Sequence[str]) -> np.ndarray:
        """(N, width) float32."""
        return _encoder(self.encoder).embed(list(given))


@cache
def _encoder(name: str) -> Encoder:
    from hooke.inference.loaded import load  # which loads runs that read blocks

    return load(name, device="cpu")


@dataclass(frozen=True)
class Blocks:
    """Some blocks of a modality; none stands for the features of its baselines.

    Attributes:
        modality: Of the batches.
        names: Of the blocks.
    """

    modality: Trainable
    names: tuple[str, ...] = ()

    def __call__(self, batch: Any) -> np.ndarray:
        """(items, features)."""
        if not self.names:
            return self.modality.features(batch)
        return np.hstack([self.modality.block(batch, name) for name in self.names])

    def carried(self, spec: Any) -> Any:
        """The spec of batches that carry them."""
        if not self.names:
            return self.modality.with_features(spec)
        encoders = {name: Vectors(name) for name in self.names if name in encoder_names()}
        return self.modality.with_blocks(spec, [name for name in self.names if name not in encoders], encoders)


def is_available(name: str) -> bool:
    """Whether the weights of an encoder are on this machine."""
    try:
        _encoder(name)
    except DataError:
        return False
    return True


def encoder_names() -> list[str]:
    """Encoders whose vectors can be a block."""
    return [*shipped_names(), *registry.names("encoders")]

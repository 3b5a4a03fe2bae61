"""What objectives without labels have in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EncodingConfig


class LabelFree:
    """Base of tasks that learn from the molecules alone: they predict no label."""

    def columns(self, level: str) -> list[str]:
        """None of any level."""
        return []

    def predict(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    @staticmethod
    def input_encodings(config: Any, encodings: EncodingConfig) -> EncodingConfig:
        """Which of the encodings that the molecules carry the encoder may read: all that are not targets."""
        return encodings

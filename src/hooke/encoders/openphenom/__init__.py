"""Weights in the public OpenPhenom layout as an image encoder: `hooke embed openphenom STORE --weights model.safetensors -o wells.parquet`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hooke.encoders.openphenom.encoder import OpenPhenom

modality = "images"


def load(weights: Path | None = None, device: str = "auto") -> OpenPhenom:
    """The encoder of a file of weights; see `encoder.load_openphenom`."""
    from hooke.encoders.openphenom.encoder import load_openphenom

    return load_openphenom(weights, device)

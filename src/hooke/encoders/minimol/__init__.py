"""MiniMol's published checkpoint as an encoder (Kläser et al. 2024): `hooke.load("minimol")`, `hooke embed minimol new.csv -o out.parquet`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hooke.encoders.minimol.encoder import LoadedMiniMol

modality = "molecules"


def load(weights: Path | None = None, device: str = "auto") -> LoadedMiniMol:
    """The published network; see `encoder.LoadedMiniMol.open`."""
    from hooke.encoders.minimol.encoder import LoadedMiniMol

    return LoadedMiniMol.open(weights, device)

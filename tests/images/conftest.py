"""Tiny files in every layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")


@pytest.fixture
def plane() -> Callable[..., np.ndarray]:
    """A plane that is like no other: its numbers follow from a seed."""

    def make(seed: int, dtype: str = "uint16", shape: tuple[int, int] = (24, 40)) -> np.ndarray:
        return np.random.default_rng(seed).integers(1, np.iinfo(dtype).max, shape, dtype=dtype)

    return make


@pytest.fixture
def phenix(tmp_path: Path, plane: Callable[..., np.ndarray]) -> Path:
    """Two wells, two sites, three channels, LZW, as Phenix microscopes write them."""
    tifffile = pytest.importorskip("tifffile")
    folder = tmp_path / "screen" / "batch1" / "BR1__2020" / "Images"
    folder.mkdir(parents=True)
    seed = 0
    for well in ("r01c01", "r02c12"):
        for site in (1, 2):
            for channel in (1, 2, 3):
                seed += 1
                name = f"{well}f{site:02d}p01-ch{channel}sk1fk1fl1.tiff"
                tifffile.imwrite(folder / name, plane(seed), compression="lzw")
    return tmp_path / "screen"

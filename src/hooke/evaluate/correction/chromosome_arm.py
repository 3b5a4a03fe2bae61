"""Chromosome-arm correction: genes of one arm look alike after a cut by CRISPR; their arm's mean is taken away.

x_g <- x_g - mean of the genes on the arm of g that count as inactive (or of all of them).

Source: Lazar et al. 2024 (proximity bias), github.com/recursionpharma/proxbias.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from hooke.core.checked import read_arrays, write_arrays
from hooke.core.errors import DataError
from hooke.core.reading import reading


@dataclass(frozen=True)
class ArmCorrection:
    """The mean of each arm.

    Attributes:
        arms: (a,) names, for example "12q".
        means: (a, d).
    """

    arms: np.ndarray
    means: np.ndarray

    def transform(self, values: np.ndarray, arms: np.ndarray) -> np.ndarray:
        """Gene profiles (n, d) minus their arm's mean; genes on an arm without one ("" for unknown) stay as they are."""
        known = {str(name): place for place, name in enumerate(self.arms)}
        places = np.array([known.get(str(arm), -1) for arm in arms], np.int64)
        out = np.array(values)
        out[places >= 0] -= self.means[places[places >= 0]].astype(out.dtype)
        return out

    def save(self, path: Path) -> Path:
        """Write one .npz file."""
        write_arrays(Path(path), {field.name: getattr(self, field.name) for field in fields(self)})
        return Path(path)

    @classmethod
    def load(cls, path: Path) -> ArmCorrection:
        """Read it again.

        Raises:
            DataError: The file is something else.
        """
        with reading(path, "a saved chromosome-arm correction"):
            return cls(**read_arrays(Path(path)))


def fit(values: np.ndarray, arms: np.ndarray, inactive: np.ndarray | None = None, *, least: int = 20) -> ArmCorrection:
    """Learn the mean of each arm.

    Args:
        values: (n, d) gene profiles.
        arms: (n,) arm of each gene, "" where unknown.
        inactive: (n,) bool, genes whose own effect is not expected (unexpressed ones); None for all.
        least: Arms with fewer such genes are left alone.

    Raises:
        DataError: No arm has enough genes.
    """
    values, arms = np.asarray(values, np.float64), np.asarray(arms).astype(str)
    used = (arms != "") if inactive is None else (arms != "") & np.asarray(inactive, bool)
    names = [name for name in np.unique(arms[used]) if np.count_nonzero(used & (arms == name)) >= least]
    if not names:
        raise DataError(f"no chromosome arm has {least} genes to take a mean of")
    return ArmCorrection(np.array(names), np.array([values[used & (arms == name)].mean(axis=0) for name in names]))

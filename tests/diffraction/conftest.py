"""Small molecules and detectors of diffraction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.diffraction.detector import Detector
from hooke.diffraction.patterns import Patterns, patterns_from_dense
from hooke.diffraction.structure import Structure


def pdb_line(
    number: int, name: str, element: str, xyz: tuple[float, float, float], *, occupancy: float | str = 1.0, b: float = 20.0,
    alternate: str = " ", residue: str = "ALA", chain: str = "A", sequence: int = 1, record: str = "ATOM",
) -> str:  # fmt: skip
    where = "".join(f"{each:8.3f}" for each in xyz)
    share = occupancy if isinstance(occupancy, str) else f"{occupancy:6.2f}"
    label = f"{name:<4}" if len(name) == 4 else f" {name:<3}"
    return f"{record:<6}{number:5d} {label}{alternate}{residue:>3} {chain}{sequence:4d}    {where}{share}{b:6.2f}          {element:>2}"


def write_pdb(path: Path, atoms: int = 40, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    places = rng.normal(0, 8, (atoms, 3)).round(3)
    lines = [
        pdb_line(n + 1, "CNOS"[n % 4], "CNOS"[n % 4], tuple(places[n]), sequence=n // 4 + 1)  # type: ignore[arg-type]
        for n in range(atoms)
    ]
    path.write_text("\n".join(lines) + "\nEND\n")
    return path


@pytest.fixture(scope="session")
def molecule() -> Structure:
    rng = np.random.default_rng(3)
    places = rng.normal(0, 8, (60, 3))
    return Structure(
        places, np.array(["C", "N", "O", "P"])[rng.integers(0, 4, 60)], rng.uniform(0.5, 1, 60), rng.uniform(5, 40, 60), "made"
    )  # fmt: skip


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector.square(15, diameter=40, beam_stop=1.5)


@pytest.fixture(scope="session")
def frames() -> Patterns:
    counts = np.random.default_rng(0).poisson(0.7, (12, 30))
    counts[4] = 0
    return patterns_from_dense([counts], "made", (5, 6))

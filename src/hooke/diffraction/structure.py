"""Atoms of a macromolecule from PDB and mmCIF files, and the intensity that they scatter.

F(q) = Σ_e f_e(|q|) Σ_{j of e} o_j exp(−B_j |q|² / 4) exp(2πi q·r_j), q in Å⁻¹ (1 / resolution), and I = |F|². Position and displacement
factors separate by axis, so the inner sum over a grid is a matrix product: (x, atoms) times (atoms, yz).

Source: form factors f_e of neutral atoms, four Gaussians and a constant: International Tables for Crystallography C, table 6.1.1.4.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from hooke.core.errors import DataError, UnknownNameError, UsageError

ALTERNATES = ("all", "highest")
_BYTES = 1 << 26  # of a block of atoms


@dataclass(frozen=True)
class Structure:
    """Atoms.

    Attributes:
        positions: (atoms, 3) float64, Å, the middle of the box around them at the origin.
        elements: (atoms,) text: symbols.
        occupancies: (atoms,) float64, 0 to 1.
        displacement: (atoms,) float64, Å²: isotropic B.
        name: Of the file.
        notes: What was assumed or left out, each a sentence.
    """

    positions: np.ndarray
    elements: np.ndarray
    occupancies: np.ndarray
    displacement: np.ndarray
    name: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.elements)

    @property
    def diameter(self) -> float:
        """Å: the longest distance between two atoms, from below, over 64 directions."""
        directions = _directions(64)
        along = self.positions @ directions.T
        return float((along.max(axis=0) - along.min(axis=0)).max())


def read_structure(
    path: Path | str, *, assembly: str = "", alternates: str = "all", waters: bool = True, displacement: bool = True
) -> Structure:  # fmt: skip
    """Read a PDB or mmCIF file (.pdb, .ent, .cif, .mmcif, also gzipped); of several models the first.

    Args:
        path: The file.
        assembly: Name of the biological assembly ("1") whose operators are applied; "" takes the atoms as they stand.
        alternates: Alternate locations: "all", each weighted by its occupancy, or the "highest" alone.
        waters: Keep HOH and DOD.
        displacement: Heed displacement factors; without, B = 0.

    Raises:
        UsageError: An option is none.
        DataError: The file is at fault; the message names the line.
    """
    from hooke.diffraction import structure_files

    if alternates not in ALTERNATES:
        raise UnknownNameError("choice of alternate locations", alternates, ALTERNATES)
    structure = structure_files.read(Path(path), assembly, alternates, waters)
    middle = (structure.positions.min(axis=0) + structure.positions.max(axis=0)) / 2
    b = structure.displacement if displacement else np.zeros(len(structure))
    return replace(structure, positions=structure.positions - middle, displacement=b)


@cache
def form_factor_table() -> dict[str, np.ndarray]:
    """Symbol → (9,) a1, b1 ... a4, b4, c."""
    lines = resources.files("hooke.diffraction").joinpath("form_factors.csv").read_text().splitlines()
    rows = list(csv.reader(lines))[1:]
    return {row[0]: np.array([float(each) for each in row[1:]]) for row in rows}


def form_factor(element: str, q: np.ndarray) -> np.ndarray:
    """Electrons that an atom scatters like, at |q| in Å⁻¹: Σ a_k exp(−b_k q² / 4) + c.

    Raises:
        UnknownNameError: There are no factors of this element.
    """
    table = form_factor_table()
    if element not in table:
        raise UnknownNameError("element", element, table)
    row, s2 = table[element], np.asarray(q, np.float64) ** 2 / 4
    return row[8] + sum(row[2 * k] * np.exp(-row[2 * k + 1] * s2) for k in range(4))


def intensities(structure: Structure, side: int, voxel: float) -> np.ndarray:
    """The exact |F|² on a grid.

    Args:
        structure: The atoms.
        side: Voxels of an edge, odd.
        voxel: Å⁻¹ of a voxel's edge.

    Returns:
        (side, side, side) float64, electrons², indexed [x, y, z], q = 0 at side // 2.

    Raises:
        UsageError: The side is not odd, or the voxel is none.
    """
    if side < 1 or side % 2 == 0:
        raise UsageError(f"the side of a volume is odd, got {side}")
    half = side // 2
    axis = np.arange(-half, half + 1) * voxel
    upper = _amplitudes(structure, (axis[half:], axis, axis))
    intensity = np.abs(upper) ** 2
    return np.concatenate([intensity[:0:-1, ::-1, ::-1], intensity])  # I(−q) = I(q)


def amplitudes(structure: Structure, side: int, voxel: float) -> np.ndarray:
    """(side, side, side) complex128 F on a grid; see `intensities`."""
    axis = (np.arange(side) - side // 2) * voxel
    return _amplitudes(structure, (axis, axis, axis))


def _amplitudes(structure: Structure, axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """F on the grid of three axes in Å⁻¹."""
    if not np.isfinite(axes[0]).all():
        raise UsageError("the voxel of a volume must be a finite number of Å⁻¹")
    x, y, z = axes
    q = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
    total = np.zeros(q.shape, np.complex128)
    size = max(16, _BYTES // (16 * len(y) * len(z)))
    for element in np.unique(structure.elements):
        own = np.flatnonzero(structure.elements == element)
        summed = np.zeros((len(x), len(y) * len(z)), np.complex128)
        for start in range(0, len(own), size):
            atoms = own[start : start + size]
            waves = [
                np.exp(
                    axis * (2j * np.pi * structure.positions[atoms, None, place] - structure.displacement[atoms, None] / 4 * axis)
                )
                for place, axis in enumerate(axes)
            ]  # fmt: skip
            planes = (waves[1][:, :, None] * waves[2][:, None, :]).reshape(len(atoms), -1)
            summed += (waves[0] * structure.occupancies[atoms, None]).T @ planes
        total += form_factor(str(element), q) * summed.reshape(q.shape)
    return total


def direct_intensities(structure: Structure, q: np.ndarray) -> np.ndarray:
    """(points,) |F|² at (points, 3) q in Å⁻¹, atom by atom: what `intensities` is checked with."""
    length = np.linalg.norm(q, axis=1)
    total = np.zeros(len(q), np.complex128)
    for atom in range(len(structure)):
        weight = form_factor(str(structure.elements[atom]), length) * structure.occupancies[atom]
        total += weight * np.exp(
            -structure.displacement[atom] * length**2 / 4 + 2j * np.pi * (q @ structure.positions[atom])
        )
    return np.abs(total) ** 2


def refuse_unscattering(structure: Structure) -> None:
    """Refuse atoms of elements without form factors.

    Raises:
        DataError: There are some.
    """
    table = form_factor_table()
    for element in np.unique(structure.elements):
        if str(element) not in table:
            raise DataError(f"{structure.name}: there are no form factors of {element}")


def _directions(count: int) -> np.ndarray:
    """(count, 3) unit vectors spread over the half sphere, by the golden angle."""
    z = (np.arange(count) + 0.5) / count
    angle = np.arange(count) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def mixed_fractions(structures: int, fractions: tuple[float, ...]) -> np.ndarray:
    """(structures,) shares of a mixture, sum 1; equal ones where none are given.

    Raises:
        UsageError: They are not as many, or no shares.
    """
    shares = np.array(fractions or [1.0] * structures, np.float64)
    if len(shares) != structures or not (shares >= 0).all() or not shares.sum() > 0:
        raise UsageError(f"{structures} structures need as many fractions of 0 or more, got {fractions}")
    return shares / shares.sum()

"""Whether conformers are physically plausible: the checks of PoseBusters that concern a molecule alone, with its thresholds.

- Bond lengths and the distances across bond angles lie within RDKit's distance bounds, stretched by a quarter.
- No other two atoms are nearer than 0.7 of the lower bound of their distance (clash).
- Aromatic rings of five and six sp² atoms, and the six atoms of C=C bonds, lie within 0.25 Å of a plane.

As there, hydrogens are left out of the distances.

Source: Buttenschoen, Morris and Deane 2024 (doi:10.1039/D3SC04185A); thresholds of its configuration `mol`.

Differs from the paper: stereo is checked elsewhere (`stereo`, and by the SMILES that is perceived from the geometry), strain by GFN2 against the
reference's own conformers instead of by UFF against embedded ones.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

LENGTH, ANGLE, CLASH, FLATNESS = 0.25, 0.25, 0.3, 0.25
_FLAT = tuple(
    Chem.MolFromSmarts(pattern)
    for pattern in (
        "[ar5^2]1[ar5^2][ar5^2][ar5^2][ar5^2]1",
        "[ar6^2]1[ar6^2][ar6^2][ar6^2][ar6^2][ar6^2]1",
        "[C;X3;^2](*)(*)=[C;X3;^2](*)(*)",
    )
)


@dataclass(frozen=True)
class Validity:
    """(n,) bool of n conformers each."""

    bond_lengths: np.ndarray
    bond_angles: np.ndarray
    clashes: np.ndarray
    planarity: np.ndarray

    @property
    def valid(self) -> np.ndarray:
        """Those that pass all checks."""
        return np.logical_and.reduce([getattr(self, each.name) for each in fields(self)])

    def failures(self) -> list[str]:
        """Of each conformer the checks that it fails, joined by commas; "" for none."""
        names = [each.name for each in fields(self)]
        passed = np.stack([getattr(self, name) for name in names], axis=1)
        return [
            ", ".join(name.replace("_", " ") for name, good in zip(names, row, strict=True) if not good)
            for row in passed
        ]


class Checks:
    """The checks of one molecule.

    Args:
        molecule: Sanitised, with or without hydrogens; conformers are not looked at.
    """

    def __init__(self, molecule: Chem.Mol) -> None:
        heavy = np.array([atom.GetAtomicNum() > 1 for atom in molecule.GetAtoms()], bool)
        count = len(heavy)
        bonded = np.zeros((count, count), bool)
        for bond in molecule.GetBonds():
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            bonded[ends] = bonded[ends[::-1]] = True
        across = bonded.astype(np.int64) @ bonded.astype(np.int64) > 0
        with rdBase.BlockLogs():
            bounds = rdDistGeom.GetMoleculeBoundsMatrix(molecule) if count > 1 else np.zeros((1, 1))
        first, second = np.nonzero(np.triu(heavy[:, None] & heavy[None], 1))
        self._pairs = first, second
        self._upper, self._lower = bounds[first, second], bounds[second, first]
        self._bonds = bonded[first, second]
        self._angles = across[first, second] & ~self._bonds
        with rdBase.BlockLogs():
            self._planes = [np.array(match) for pattern in _FLAT for match in molecule.GetSubstructMatches(pattern)]

    def of(self, positions: np.ndarray) -> Validity:
        """Of conformers.

        Args:
            positions: (n, atoms, 3) Å.
        """
        first, second = self._pairs
        lengths = np.linalg.norm(positions[:, first] - positions[:, second], axis=-1)
        with np.errstate(invalid="ignore"):
            short, long = lengths < self._lower, lengths > self._upper
            deviation = np.zeros_like(lengths)  # relative, beyond the nearer bound
            np.divide(self._lower - lengths, self._lower, out=deviation, where=short & (self._lower > 0))
            np.divide(lengths - self._upper, self._upper, out=deviation, where=long & (self._upper > 0))
        apart = ~(self._bonds | self._angles)
        flat = np.ones(len(positions), bool)
        for plane in self._planes:
            flat &= _height(positions[:, plane]) <= FLATNESS
        return Validity(
            (deviation[:, self._bonds] <= LENGTH).all(axis=1), (deviation[:, self._angles] <= ANGLE).all(axis=1),
            (~(short & (deviation > CLASH))[:, apart]).all(axis=1), flat,
        )  # fmt: skip


def _height(points: np.ndarray) -> np.ndarray:
    """(n,) the largest distance of a point from the best plane through (n, points, 3)."""
    centred = points - points.mean(axis=1, keepdims=True)
    normal = np.linalg.svd(centred, full_matrices=False)[2][:, -1]
    return np.abs(np.einsum("npk,nk->np", centred, normal)).max(axis=1)

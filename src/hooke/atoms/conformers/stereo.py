"""Stereo of conformers: the signed volume of every tagged tetrahedral centre, and the side of every tagged double bond.

    χ = (r₁ - r₀) · ((r₂ - r₀) × (r₃ - r₀))

of the first three neighbours in the order of the bonds of the centre 0 is negative for a clockwise tag and positive for a counter-clockwise
one, as RDKit defines its tags. The substituents of a double bond a-b=c-d are on one side where the components of b→a and c→d across the bond
point the same way. Atoms are compared with their own tags: where exchanging equal atoms would make another labelling the same isomer, it is
wrong all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

_CLOCKWISE, _COUNTER = Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW
_SAME_SIDE = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
_OPPOSITE = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)
FLAT = 0.1  # χ of unit vectors, below which a centre has no handedness
TWISTED = 0.5  # cosine of a dihedral angle, below which a double bond has no sense


@dataclass(frozen=True)
class StereoElements:
    """What of a molecule's stereo is stated.

    Attributes:
        centres: (C, 4) atom and its first three neighbours.
        signs: (C,) 1 or -1, that of the signed volume.
        bonds: (B, 4) a, b, c, d of a-b=c-d.
        sides: (B,) 1 where a and d are on one side, -1 where they are opposite.
    """

    centres: np.ndarray
    signs: np.ndarray
    bonds: np.ndarray
    sides: np.ndarray

    def __len__(self) -> int:
        return len(self.centres) + len(self.bonds)

    @classmethod
    def of(cls, molecule: Chem.Mol) -> StereoElements:
        """Those of a molecule with all its hydrogens."""
        centres, signs, bonds, sides = [], [], [], []
        for atom in molecule.GetAtoms():
            if (tag := atom.GetChiralTag()) in (_CLOCKWISE, _COUNTER):
                around = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]
                if len(around) >= 3:
                    centres.append([atom.GetIdx(), *around[:3]])
                    signs.append(-1 if tag == _CLOCKWISE else 1)
        for bond in molecule.GetBonds():
            if (kind := bond.GetStereo()) in (*_SAME_SIDE, *_OPPOSITE):
                first, last = bond.GetStereoAtoms()
                bonds.append([first, bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), last])
                sides.append(1 if kind in _SAME_SIDE else -1)
        return cls(_fours(centres), np.array(signs, np.int64), _fours(bonds), np.array(sides, np.int64))

    def names(self, molecule: Chem.Mol) -> list[str]:
        """Of the elements, centres first: "C3", "C4=N5", numbers from 1."""

        def name(atom: int) -> str:
            return f"{molecule.GetAtomWithIdx(atom).GetSymbol()}{atom + 1}"

        atoms = [name(int(centre)) for centre in self.centres[:, 0]]
        return atoms + [f"{name(int(first))}={name(int(second))}" for first, second in self.bonds[:, 1:3]]

    def right(self, positions: np.ndarray) -> np.ndarray:
        """(n, elements) whether each is as stated, centres first; flat centres and bonds twisted by more than 60° are wrong.

        Args:
            positions: (n, atoms, 3).
        """
        volumes = signed_volumes(positions, self.centres) * self.signs
        return np.concatenate([volumes > FLAT, sides(positions, self.bonds) * self.sides > TWISTED], axis=1)


def signed_volumes(positions: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n, C) χ of unit vectors from each centre to its first three neighbours."""
    towards = positions[:, centres[:, 1:]] - positions[:, centres[:, :1]]
    towards = towards / np.maximum(np.linalg.norm(towards, axis=-1, keepdims=True), 1e-12)
    return np.einsum("nci,nci->nc", towards[:, :, 0], np.cross(towards[:, :, 1], towards[:, :, 2]))


def sides(positions: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    """(n, B) cosines of the dihedral angles of a-b=c-d."""
    a, b, c, d = (positions[:, bonds[:, place]] for place in range(4))
    axis = c - b
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-12)
    first, last = (each - (each * axis).sum(axis=-1, keepdims=True) * axis for each in (a - b, d - c))
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(last, axis=-1)
    return (first * last).sum(axis=-1) / np.maximum(lengths, 1e-12)


def _fours(rows: Sequence[Sequence[int]]) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 4)

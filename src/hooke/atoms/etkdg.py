"""Geometries from molecules: ETKDGv3 by RDKit, with hydrogens, so that a geometry depends on molecule, seed and number of the conformer alone.

Source: Riniker and Landrum 2015 (doi:10.1021/acs.jcim.5b00654), Wang et al. 2020 (doi:10.1021/acs.jcim.0c00025).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from hooke.atoms.elements import MAX_NUMBER

MOST_ATOMS = 1000  # hydrogens included; bounds between all pairs are smoothed in cubic time
GAP = 4.0  # Å
_TRIES = 50
_ZERO = 0xF00D  # what a seed of 0 becomes: with 0 itself RDKit gives one conformer again and again


class NoGeometryError(Exception):
    """A molecule cannot be embedded; the message is the reason."""


@dataclass(frozen=True)
class EmbeddedMolecule:
    """A molecule with its hydrogens, made ready for embedding.

    Attributes:
        smiles: Canonical; its atoms are the first of the geometry, in this order, and hydrogens that it does not write follow.
        charge: Sum of the formal charges.
        multiplicity: One more than its unpaired electrons, as the SMILES states them.
        numbers: (atoms,) atomic numbers.
        molecule: Its atoms and bonds, without a conformer.
        fragments: Atoms of each, ascending.
    """

    smiles: str
    charge: int
    multiplicity: int
    numbers: np.ndarray
    molecule: Chem.Mol
    fragments: tuple[np.ndarray, ...] = field(default=())

    @classmethod
    def of(cls, molecule: Chem.Mol, *, several: bool = False) -> EmbeddedMolecule:
        """Of a sanitised molecule, however its SMILES was written.

        Args:
            molecule: With or without its hydrogens.
            several: Whether it may have several fragments, whose places are then made up (`placed_apart`).

        Raises:
            NoGeometryError: It has atoms of no element, several fragments, or too many atoms.
        """
        with rdBase.BlockLogs():
            smiles = Chem.MolToSmiles(molecule)
            whole = Chem.MolFromSmiles(smiles)
        if whole is None:
            raise NoGeometryError(f"RDKit does not read its own SMILES {smiles[:60]!r} back")
        if (count := len(Chem.GetMolFrags(whole))) > 1 and not several:
            raise NoGeometryError(f"it has {count} fragments, whose places are unknown")
        whole = Chem.AddHs(whole)
        numbers = np.array([atom.GetAtomicNum() for atom in whole.GetAtoms()], np.int64)
        if not len(numbers) or numbers.min() < 1 or numbers.max() > MAX_NUMBER:
            raise NoGeometryError("it has an atom of no element")
        if len(numbers) > MOST_ATOMS:
            raise NoGeometryError(f"it has {len(numbers)} atoms; at most {MOST_ATOMS} are embedded")
        unpaired = sum(atom.GetNumRadicalElectrons() for atom in whole.GetAtoms())
        fragments = tuple(np.array(sorted(atoms)) for atoms in Chem.GetMolFrags(whole))
        return cls(smiles, Chem.GetFormalCharge(whole), unpaired + 1, numbers.astype(np.uint8), whole, fragments)

    def conformer(self, number: int, seed: int) -> np.ndarray:
        """(atoms, 3) positions in Å of conformer `number`.

        Raises:
            NoGeometryError: Embedding fails, from random coordinates too.
        """
        text = f"{seed}:{number}:{self.smiles}".encode()
        parameters: Any = rdDistGeom.ETKDGv3()
        parameters.randomSeed = int.from_bytes(hashlib.sha256(text).digest()[:4], "little") >> 1
        parameters.maxIterations = _TRIES
        molecule = Chem.Mol(self.molecule)
        with rdBase.BlockLogs():
            for random in (False, True):
                parameters.useRandomCoords = random
                if rdDistGeom.EmbedMolecule(molecule, parameters) >= 0:
                    return np.array(molecule.GetConformer().GetPositions(), np.float64)
        raise NoGeometryError("no geometry could be embedded")

    def conformers(self, count: int, seed: int) -> np.ndarray:
        """(at most count, atoms, 3) positions in Å, those of RDKit's `EmbedMultipleConfs` with this seed (0xF00D for 0).

        Those that fail are tried again from random coordinates, and are left out if they fail again. No time limit is set, so that the result
        is the same on a busy machine.
        """
        parameters: Any = rdDistGeom.ETKDGv3()
        parameters.randomSeed = seed or _ZERO
        parameters.maxIterations = _TRIES
        molecule = Chem.Mol(self.molecule)
        positions: list[np.ndarray] = []
        with rdBase.BlockLogs():
            for random in (False, True):
                if (missing := count - len(positions)) > 0:
                    parameters.useRandomCoords = random
                    made = list(rdDistGeom.EmbedMultipleConfs(molecule, missing, parameters))
                    positions += [molecule.GetConformer(number).GetPositions() for number in made]
        embedded = np.array(positions, np.float64).reshape(-1, len(self.numbers), 3)
        return placed_apart(embedded, self.fragments)


def placed_apart(positions: np.ndarray, fragments: Sequence[np.ndarray]) -> np.ndarray:
    """(..., atoms, 3) with the fragments in a row along x: between the spheres around their atoms are `GAP` Å."""
    if len(fragments) < 2:
        return positions
    placed, edge = positions.copy(), np.zeros(positions.shape[:-2])
    for atoms in fragments:
        centred = positions[..., atoms, :] - positions[..., atoms, :].mean(axis=-2, keepdims=True)
        radius = np.sqrt((centred**2).sum(axis=-1)).max(axis=-1)
        centred[..., 0] += (edge + radius)[..., None]
        placed[..., atoms, :] = centred
        edge = edge + 2 * radius + GAP
    return placed - placed.mean(axis=-2, keepdims=True)

"""Geometries from molecules: ETKDGv3 by RDKit, with hydrogens, so that a geometry depends on molecule, seed and number of the conformer alone.

Source: Riniker and Landrum 2015 (doi:10.1021/acs.jcim.5b00654), Wang et al. 2020 (doi:10.1021/acs.jcim.0c00025).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from hooke.atoms.elements import MAX_NUMBER

MOST_ATOMS = 1000  # hydrogens included; bounds between all pairs are smoothed in cubic time
_TRIES = 50


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
    """

    smiles: str
    charge: int
    multiplicity: int
    numbers: np.ndarray
    _molecule: Chem.Mol

    @classmethod
    def of(cls, molecule: Chem.Mol) -> EmbeddedMolecule:
        """Of a sanitised molecule, however its SMILES was written.

        Raises:
            NoGeometryError: It has atoms of no element, several fragments, or too many atoms.
        """
        with rdBase.BlockLogs():
            smiles = Chem.MolToSmiles(molecule)
            whole = Chem.MolFromSmiles(smiles)
        if whole is None:
            raise NoGeometryError(f"RDKit does not read its own SMILES {smiles[:60]!r} back")
        if (fragments := len(Chem.GetMolFrags(whole))) > 1:
            raise NoGeometryError(f"it has {fragments} fragments, whose places are unknown")
        whole = Chem.AddHs(whole)
        numbers = np.array([atom.GetAtomicNum() for atom in whole.GetAtoms()], np.int64)
        if not len(numbers) or numbers.min() < 1 or numbers.max() > MAX_NUMBER:
            raise NoGeometryError("it has an atom of no element")
        if len(numbers) > MOST_ATOMS:
            raise NoGeometryError(f"it has {len(numbers)} atoms; at most {MOST_ATOMS} are embedded")
        unpaired = sum(atom.GetNumRadicalElectrons() for atom in whole.GetAtoms())
        return cls(smiles, Chem.GetFormalCharge(whole), unpaired + 1, numbers.astype(np.uint8), whole)

    def conformer(self, number: int, seed: int) -> np.ndarray:
        """(atoms, 3) positions in Å of conformer `number`.

        Raises:
            NoGeometryError: Embedding fails, from random coordinates too.
        """
        text = f"{seed}:{number}:{self.smiles}".encode()
        parameters: Any = rdDistGeom.ETKDGv3()
        parameters.randomSeed = int.from_bytes(hashlib.sha256(text).digest()[:4], "little") >> 1
        parameters.maxIterations = _TRIES
        molecule = Chem.Mol(self._molecule)
        with rdBase.BlockLogs():
            for random in (False, True):
                parameters.useRandomCoords = random
                if rdDistGeom.EmbedMolecule(molecule, parameters) >= 0:
                    return np.array(molecule.GetConformer().GetPositions(), np.float64)
        raise NoGeometryError("no geometry could be embedded")

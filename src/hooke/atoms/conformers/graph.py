"""The bond graph of a molecule with hydrogens as arrays: what a network that makes conformers knows of it, and its harmonic prior.

    N(0, L⁺):  L = D - A of the bond graph,  x = L^(-1/2) z with z ~ N(0, 1) of every coordinate

without the zero modes, of which each fragment has one: each fragment is then centred.

Source: Jing et al. 2023 (arXiv:2304.02198) for the harmonic prior; Hassan et al. 2024 (arXiv:2410.22388) for the features.
Differs from them: one zero mode is dropped for each fragment, where one for the molecule leaves salts without a prior; handedness is the CIP
label, which does not depend on the order of the bonds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rdkit import Chem

from hooke.atoms.etkdg import EmbeddedMolecule

FEATURES = 10
_HANDS = {"R": 1.0, "S": -1.0}
_HYBRIDS = {name: place for place, name in enumerate(("UNSPECIFIED", "S", "SP", "SP2", "SP3", "SP2D", "SP3D", "SP3D2"))}


@dataclass(frozen=True)
class MoleculeGraph:
    """A molecule of n atoms.

    Attributes:
        molecule: With its stereo; atoms are in this order.
        features: (n, 10) float32: handedness (R 1, S -1), degree, charge, valence, hydrogens, hybridisation, unpaired electrons, aromatic, in a
            ring, rings.
        bonds: (B, 2) atoms, each bond once.
        factor: (n, n) L^(-1/2).
    """

    molecule: EmbeddedMolecule
    features: np.ndarray
    bonds: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, molecule: EmbeddedMolecule) -> MoleculeGraph:
        """Of a molecule."""
        atoms = list(molecule.molecule.GetAtoms())
        rings = molecule.molecule.GetRingInfo()
        labels = Chem.Mol(molecule.molecule)
        Chem.AssignStereochemistry(labels, cleanIt=True, force=True)
        hands = {
            centre: _HANDS.get(label, 0.0)
            for centre, label in Chem.FindMolChiralCenters(labels, useLegacyImplementation=True)
        }
        features = [
            (
                hands.get(atom.GetIdx(), 0.0), atom.GetDegree(), atom.GetFormalCharge(), atom.GetTotalValence(),
                atom.GetTotalNumHs(includeNeighbors=True), _HYBRIDS.get(str(atom.GetHybridization()), 0), atom.GetNumRadicalElectrons(),
                atom.GetIsAromatic(), atom.IsInRing(), rings.NumAtomRings(atom.GetIdx()),
            )
            for atom in atoms
        ]  # fmt: skip
        bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.molecule.GetBonds()]
        pairs = np.array(bonds, np.int64).reshape(-1, 2)
        return cls(molecule, np.array(features, np.float32), pairs, prior_factor(len(atoms), pairs))


@lru_cache(maxsize=4096)
def graph_of_smiles(smiles: str) -> MoleculeGraph:
    """Of the canonical SMILES of an `EmbeddedMolecule`, whose order of atoms it has.

    Raises:
        NoGeometryError: It cannot be embedded.
        ValueError: It is no SMILES.
    """
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"not a valid SMILES: {smiles!r}")
    return MoleculeGraph.of(EmbeddedMolecule.of(molecule, several=True))


def laplacian(atoms: int, bonds: np.ndarray) -> np.ndarray:
    """(n, n) D - A of a graph."""
    adjacency = np.zeros((atoms, atoms))
    adjacency[bonds[:, 0], bonds[:, 1]] = adjacency[bonds[:, 1], bonds[:, 0]] = 1.0
    return np.diag(adjacency.sum(axis=1)) - adjacency


def prior_factor(atoms: int, bonds: np.ndarray) -> np.ndarray:
    """(n, n) the symmetric root of L⁺."""
    values, vectors = np.linalg.eigh(laplacian(atoms, bonds))
    kept = values > 1e-8 * max(1.0, values[-1])
    return (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T

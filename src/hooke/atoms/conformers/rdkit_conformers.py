"""Positions in and out of RDKit's molecules, and its symmetry-aware distances between conformers."""

from __future__ import annotations

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolAlign

MOST_MATCHES = 2000  # ways to lay a molecule onto itself that are tried


def with_positions(molecule: Chem.Mol, positions: np.ndarray) -> Chem.Mol:
    """A copy with these conformers alone, numbered from 0.

    Args:
        molecule: Of so many atoms.
        positions: (n, atoms, 3) Å.
    """
    copy = Chem.Mol(molecule)
    copy.RemoveAllConformers()
    for number, places in enumerate(np.asarray(positions, np.float64)):
        conformer = Chem.Conformer(len(places))
        conformer.Set3D(True)
        conformer.SetId(number)
        conformer.SetPositions(np.ascontiguousarray(places))
        copy.AddConformer(conformer)
    return copy


def positions_of(molecule: Chem.Mol) -> np.ndarray:
    """(n, atoms, 3) Å of all conformers."""
    return np.array([each.GetPositions() for each in molecule.GetConformers()], np.float64).reshape(
        -1, molecule.GetNumAtoms(), 3
    )


def without_hydrogens(molecule: Chem.Mol) -> Chem.Mol:
    """The heavy atoms with their conformers; those of hydrogen alone stay as they are."""
    with rdBase.BlockLogs():
        return Chem.RemoveHs(molecule)


def distances(references: Chem.Mol, samples: Chem.Mol) -> np.ndarray:
    """(references, samples) smallest RMSD in Å over rotations and over all ways to lay equal atoms onto one another.

    Args:
        references, samples: The same molecule without hydrogens, in any order of atoms, with its conformers.

    Raises:
        ValueError: They are not the same molecule.
    """
    moved = Chem.Mol(samples)  # aligned in place
    found = np.empty((references.GetNumConformers(), moved.GetNumConformers()))
    try:
        for row, reference in enumerate(references.GetConformers()):
            for column, sample in enumerate(moved.GetConformers()):
                found[row, column] = rdMolAlign.GetBestRMS(
                    moved, references, sample.GetId(), reference.GetId(), maxMatches=MOST_MATCHES
                )
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    return found


def distances_among(molecule: Chem.Mol) -> np.ndarray:
    """(n, n) `distances` of a molecule's conformers from one another."""
    count = molecule.GetNumConformers()
    found = np.zeros((count, count))
    if count > 1:
        lower = rdMolAlign.GetAllConformerBestRMS(molecule, 1, None, MOST_MATCHES)
        found[np.tril_indices(count, -1)] = lower
    return found + found.T


def spread(distances: np.ndarray, apart: float) -> np.ndarray:
    """Conformers that are kept, in order: each is farther than `apart` Å from all kept before it.

    Args:
        distances: (n, n).
        apart: Å.
    """
    kept: list[int] = []
    for number in range(len(distances)):
        if not kept or distances[number, kept].min() > apart:
            kept.append(number)
    return np.array(kept, np.int64)

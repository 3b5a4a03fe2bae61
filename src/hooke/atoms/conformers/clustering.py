"""Few conformers chosen from many by k-means on their heavy atoms.

Source: Zhou et al. 2023 (arXiv:2302.07061), who show that RDKit's conformers so chosen are a baseline hard to beat.
"""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from hooke.atoms.conformers.rdkit_conformers import positions_of, with_positions, without_hydrogens


def clustered(molecule: Chem.Mol, positions: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(at most count,) conformers nearest to the centres of k-means clusters of heavy atoms, all laid onto the first conformer.

    Args:
        molecule: With all its hydrogens.
        positions: (n, atoms, 3) Å.
        count: Clusters.
        seed: Of k-means.
    """
    if len(positions) <= count:
        return np.arange(len(positions))
    from sklearn.cluster import KMeans

    heavy = without_hydrogens(with_positions(molecule, positions))
    rdMolAlign.AlignMolConformers(heavy)
    points = positions_of(heavy).reshape(len(positions), -1)
    centres = KMeans(count, n_init=1, random_state=seed).fit(points).cluster_centers_
    squares = ((points[:, None] - centres[None]) ** 2).sum(axis=-1)
    return np.unique(squares.argmin(axis=0))

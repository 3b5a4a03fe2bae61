"""Chosen conformers are spread, and cover the others better than the first ones do."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from hooke.atoms.conformers.clustering import clustered
from hooke.atoms.conformers.rdkit_conformers import distances_among, with_positions, without_hydrogens
from hooke.atoms.etkdg import EmbeddedMolecule


def test_clustering_chooses_spread_conformers() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("CCCCCO"))
    pool = molecule.conformers(40, 1)
    chosen = clustered(molecule.molecule, pool, 5, 0)
    assert len(chosen) == len(set(chosen.tolist())) == 5
    apart = distances_among(without_hydrogens(with_positions(molecule.molecule, pool)))
    assert apart[:, chosen].min(axis=1).mean() < apart[:, np.arange(5)].min(axis=1).mean()
    assert clustered(molecule.molecule, pool[:3], 5, 0).tolist() == [0, 1, 2]

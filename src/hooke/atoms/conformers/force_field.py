"""MMFF94 by RDKit: relaxed conformers with their energies.

Source: Halgren 1996 (doi:10.1002/(SICI)1096-987X(199604)17:5/6<490::AID-JCC1>3.0.CO;2-P); Tosco, Stiefl and Landrum 2014
(doi:10.1186/s13321-014-0037-3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdForceFieldHelpers

from hooke.atoms.conformers.rdkit_conformers import positions_of, with_positions
from hooke.core.units import factor

STEPS = 200
NO_PARAMETERS = "MMFF94 has no parameters for it"


@dataclass(frozen=True)
class Minimised:
    """Conformers after minimisation.

    Attributes:
        positions: (n, atoms, 3) Å.
        energies: (n,) eV; an offset of the molecule is in them.
        converged: (n,) whether RDKit's criterion was met.
    """

    positions: np.ndarray
    energies: np.ndarray
    converged: np.ndarray


def minimise(molecule: Chem.Mol, positions: np.ndarray, steps: int = STEPS) -> Minimised | None:
    """Relax conformers; None where the force field lacks parameters.

    Fragments do not notice each other.

    Args:
        molecule: With all its hydrogens.
        positions: (n, atoms, 3) Å.
        steps: Most iterations.
    """
    with rdBase.BlockLogs():
        if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            return None
        moved = with_positions(molecule, positions)
        results = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(moved, numThreads=1, maxIters=steps)
    if any(code < 0 for code, _ in results):
        return None
    energies = np.array([energy for _, energy in results], np.float64) * factor("kcal/mol", "eV")
    return Minimised(positions_of(moved), energies, np.array([code == 0 for code, _ in results], bool))

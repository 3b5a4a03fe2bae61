"""What coarse grids cost: energies of conformers on levels 0 to 2 against level 3 beside the noise that labels state, and forces against
differences of the energy.

    python bench/dft_grids.py --smiles CC(N)C=O --conformers 8
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from rdkit import Chem

from hooke.atoms.engines import Computed
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.nn.atoms.scf.engine import ScfEngine

STEP = 1e-3  # Å


def labels(level: int, numbers: np.ndarray, places: list[np.ndarray], forces: bool = False) -> list[Computed]:
    engine = ScfEngine.of("b3lyp/sto-3g", level, forces=forces)
    found = engine.compute_all([(numbers, place, 0, 1) for place in places])
    return [each for each in found if isinstance(each, Computed)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--smiles", default="CC(N)C=O")
    parser.add_argument("--conformers", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(given.smiles))
    numbers, places = molecule.numbers, [molecule.conformer(number, 0) for number in range(given.conformers)]
    fine = np.array([each.energy for each in labels(3, numbers, places)])
    for level in (0, 1, 2):
        some = labels(level, numbers, places)
        offset = np.array([each.energy for each in some]) - fine
        noise = np.array([each.noise for each in some])
        print(
            f"level {level}: {1000 * offset.mean():.2f} meV off level 3, standard deviation {1000 * offset.std():.2f}, "
            f"largest distance from the mean {1000 * np.abs(offset - offset.mean()).max():.2f}; stated noise {1000 * noise.mean():.2f}"
        )
    for level in (0, 1, 2):
        (here,) = labels(level, numbers, places[:1], forces=True)
        apart = []
        for atom, axis in ((0, 0), (1, 1), (2, 2), (3, 0)):
            moved = [
                places[0] + sign * STEP * np.eye(3 * len(numbers))[3 * atom + axis].reshape(-1, 3) for sign in (1, -1)
            ]
            up, down = (each.energy for each in labels(level, numbers, moved))
            apart.append(abs(here.forces[atom, axis] + (up - down) / (2 * STEP)))
        print(
            f"level {level}: forces differ from differences of the energy by {max(apart):.1e} eV/Å at most, of four components"
        )

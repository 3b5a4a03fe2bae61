"""RDKit's functional groups (its `fr_*` descriptors) of molecules given as arrays.

The molecule is rebuilt from its codes: elements, charges, hydrogens, radicals, bond orders and aromaticity are all that the patterns
ask for. The labels of GROVER's motif prediction (arXiv 2007.02835).
"""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import Fragments

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.vocabulary import ATOM_COLUMNS, BOND_VOCABULARIES, atom_vocabularies

GROUP_NAMES = tuple(sorted(name for name in dir(Fragments) if name.startswith("fr_")))
_COUNTERS = tuple(getattr(Fragments, name) for name in GROUP_NAMES)
_ORDERS = [*(getattr(Chem.BondType, str(name)) for name in BOND_VOCABULARIES[0].values), Chem.BondType.UNSPECIFIED]


def functional_groups(arrays: MoleculeArrays) -> np.ndarray:
    """(N, groups) bool, whether each molecule has each of `GROUP_NAMES`."""
    found = np.zeros((len(arrays), len(GROUP_NAMES)), bool)
    for number in range(len(arrays)):
        molecule = rebuilt(arrays, number)
        found[number] = [counter(molecule) > 0 for counter in _COUNTERS]
    return found


def rebuilt(arrays: MoleculeArrays, number: int) -> Chem.Mol:
    """A molecule of these arrays as an RDKit molecule, hydrogens stated, rings found; not sanitised."""
    molecule = Chem.RWMol()
    atoms = arrays.atom_codes[arrays.atom_offsets[number] : arrays.atom_offsets[number + 1]].tolist()
    stretch = slice(arrays.bond_offsets[number], arrays.bond_offsets[number + 1])
    ends = arrays.bond_atoms[stretch].tolist()
    explicit = _hydrogen_neighbours(atoms, ends)
    for codes, bonded in zip(atoms, explicit, strict=True):
        values = [
            vocabulary.values[code] if code < vocabulary.unknown else 0
            for vocabulary, code in zip(atom_vocabularies(1), codes, strict=False)  # whatever the version
        ]
        features = dict(zip(ATOM_COLUMNS, values, strict=False))
        atom = Chem.Atom(int(features["element"]))
        atom.SetFormalCharge(int(features["charge"]))
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(int(features["hydrogens"]) - bonded)
        atom.SetNumRadicalElectrons(int(features["radicals"]))
        atom.SetIsAromatic(bool(features["aromatic"]))
        molecule.AddAtom(atom)
    for (a, b), codes in zip(ends, arrays.bond_codes[stretch].tolist(), strict=True):
        molecule.AddBond(a, b, _ORDERS[codes[0]])
        molecule.GetBondBetweenAtoms(a, b).SetIsAromatic(_ORDERS[codes[0]] == Chem.BondType.AROMATIC)
    plain = molecule.GetMol()
    plain.UpdatePropertyCache(strict=False)
    Chem.GetSymmSSSR(plain)
    return plain


def _hydrogen_neighbours(atoms: list[list[int]], ends: list[list[int]]) -> list[int]:
    """Hydrogens that are atoms of their own: the code counts them, but they are bonded already."""
    found = [0] * len(atoms)
    for a, b in ends:
        found[a] += atoms[b][0] == 1
        found[b] += atoms[a][0] == 1
    return found

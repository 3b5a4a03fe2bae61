"""The same molecule written in other ways: what a vector of a molecule must not depend on.

    for name, smiles in writings("C[C@H](N)C(=O)O.Cl", numpy.random.default_rng(0)).items(): ...

Not among them are other senses of hindered single bonds' wedges, which RDKit writes by the order of the atoms.
"""

from __future__ import annotations

import numpy as np
from rdkit import Chem, rdBase

from hooke.molecules.parse import parse

_GROUPS = int(Chem.CXSmilesFields.CX_ENHANCEDSTEREO)


def renumbered(molecule: Chem.Mol, generator: np.random.Generator) -> Chem.Mol:
    """The molecule with its atoms in random order."""
    return Chem.RenumberAtoms(molecule, generator.permutation(molecule.GetNumAtoms()).tolist())


def writings(smiles: str, generator: np.random.Generator) -> dict[str, str]:
    """How it is written → SMILES of the same molecule.

    "order": atoms from a random start in random order; "hydrogens": each hydrogen an atom; "kekule": single and double bonds instead of
    aromatic ones; "fragments": the parts in random order; "numbers": atom maps.
    """
    with rdBase.BlockLogs():
        molecule = renumbered(parse(smiles), generator)
        numbered = Chem.Mol(molecule)
        for atom, number in zip(
            numbered.GetAtoms(), generator.permutation(molecule.GetNumAtoms()).tolist(), strict=True
        ):
            atom.SetAtomMapNum(number + 1)
        return {
            "order": _written(molecule),
            "hydrogens": _written(Chem.AddHs(molecule)),
            "kekule": _written(molecule, kekule=True),
            "fragments": _shuffled(molecule, generator),
            "numbers": _written(numbered),
        }


def _written(molecule: Chem.Mol, *, kekule: bool = False) -> str:
    """SMILES in the order of the atoms, with groups of enhanced stereo."""
    params = Chem.SmilesWriteParams()
    params.canonical = False  # type: ignore[assignment]
    if kekule:
        molecule = Chem.Mol(molecule)
        Chem.Kekulize(molecule)
        params.doKekule = True  # type: ignore[assignment]
    return Chem.MolToCXSmiles(molecule, params, _GROUPS)


def _shuffled(molecule: Chem.Mol, generator: np.random.Generator) -> str:
    """The fragments in random order; groups of enhanced stereo stay with one fragment."""
    parts = [_written(part) for part in Chem.GetMolFrags(molecule, asMols=True)]
    if any(" " in part for part in parts):
        return _written(molecule)
    return ".".join(generator.permutation(np.array(parts, dtype=object)).tolist())

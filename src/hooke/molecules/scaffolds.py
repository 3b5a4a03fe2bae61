"""Scaffolds of molecules: the ring systems and their linkers, as canonical SMILES."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold


def murcko_scaffold(smiles: str, *, include_chirality: bool = False) -> str:
    """The Bemis-Murcko scaffold of a molecule as canonical SMILES; "" for a molecule without rings.

    Args:
        smiles: A SMILES that RDKit parses.
        include_chirality: Keep stereo marks in the scaffold. Most published scaffold splits drop them.

    Raises:
        ValueError: The SMILES does not parse.

    Source: Bemis and Murcko 1996, as in rdkit.Chem.Scaffolds.MurckoScaffold.
    """
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"not a valid SMILES: {smiles!r}")
    return MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=include_chirality)

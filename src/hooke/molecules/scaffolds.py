"""Scaffolds of molecules: the ring systems and their linkers, as canonical SMILES."""

from __future__ import annotations

from rdkit.Chem.Scaffolds import MurckoScaffold

from hooke.molecules.parse import molecule_of


def murcko_scaffold(smiles: str, *, include_chirality: bool = False) -> str:
    """The Bemis-Murcko scaffold of a molecule as canonical SMILES; "" for a molecule without rings.

    Args:
        smiles: A SMILES that RDKit parses.
        include_chirality: Keep stereo marks in the scaffold. Most published scaffold splits drop them.

    Raises:
        ValueError: The SMILES does not parse.

    Source: Bemis and Murcko 1996, as in rdkit.Chem.Scaffolds.MurckoScaffold.
    """
    return MurckoScaffold.MurckoScaffoldSmiles(mol=molecule_of(smiles), includeChirality=include_chirality)

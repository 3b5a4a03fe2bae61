"""Scaffolds of molecules: the ring systems and their linkers, as canonical SMILES, in time proportional to the size of the molecule."""

from __future__ import annotations

from collections import deque

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from hooke.molecules.parse import molecule_of

LARGE = 150  # atoms; RDKit looks for the shortest path between every two rings, whose time grows with the third power


def murcko_scaffold(smiles: str, *, include_chirality: bool = False) -> str:
    """The Bemis-Murcko scaffold of a molecule as canonical SMILES; "" for a molecule without rings.

    Args:
        smiles: A SMILES that RDKit parses.
        include_chirality: Keep stereo marks in the scaffold. Most published scaffold splits drop them.

    Raises:
        ValueError: The SMILES does not parse.

    Source: Bemis and Murcko 1996, as in rdkit.Chem.Scaffolds.MurckoScaffold.
    """
    return scaffold_smiles(molecule_of(smiles), include_chirality=include_chirality)


def scaffold_smiles(molecule: Chem.Mol, *, include_chirality: bool = False) -> str:
    """`murcko_scaffold` of a molecule that is parsed."""
    if molecule.GetNumAtoms() <= LARGE:
        return MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=include_chirality)
    return Chem.MolToSmiles(pruned(molecule), include_chirality)


def pruned(molecule: Chem.Mol) -> Chem.Mol:
    """The Murcko framework by removing ends until none is left, which gives RDKit's atoms in linear time.

    Outside rings every bond is a bridge, so that an atom lies between two rings exactly if it is left when atoms with at most one
    neighbour, and then those that have become such, are taken away. As in RDKit, atoms with a double bond to the framework stay, and
    what loses a neighbour loses its chirality, or gains a hydrogen where it is an aromatic hetero atom.

    Differs: an atom outside rings in a cycle that dative bonds alone close counts as a linker.
    """
    kept = _framework(molecule)
    edited = Chem.RWMol(molecule)
    edited.BeginBatchEdit()
    for atom in edited.GetAtoms():
        if not kept[atom.GetIdx()] and not _held_by_double_bond(atom, kept):
            edited.RemoveAtom(atom.GetIdx())
    edited.CommitBatchEdit()
    edited.ClearComputedProps()
    edited.UpdatePropertyCache()
    Chem.GetSymmSSSR(edited)
    return edited.GetMol()


def _framework(molecule: Chem.Mol) -> list[bool]:
    """Whether each atom lies in a ring or between rings."""
    rings = molecule.GetRingInfo()
    neighbours = [[other.GetIdx() for other in atom.GetNeighbors()] for atom in molecule.GetAtoms()]
    kept = [True] * len(neighbours)
    left = [len(others) for others in neighbours]
    ends = deque(number for number, count in enumerate(left) if count <= 1)
    while ends:
        end = ends.popleft()
        if not kept[end]:
            continue
        kept[end] = False
        for other in neighbours[end]:
            left[other] -= 1
            if kept[other] and left[other] <= 1:
                ends.append(other)
    if not rings.NumRings():
        return [False] * len(kept)
    return kept


def _held_by_double_bond(atom: Chem.Atom, kept: list[bool]) -> bool:
    """Whether an atom outside the framework has a double bond into it; if not, its neighbours there are told of its going."""
    for bond in atom.GetBonds():
        neighbour = bond.GetOtherAtom(atom)
        if not kept[neighbour.GetIdx()]:
            continue
        if bond.GetBondType() == Chem.BondType.DOUBLE:
            return True
        cation = neighbour.GetAtomicNum() == 6 and neighbour.GetFormalCharge() == 1
        if neighbour.GetIsAromatic() and (neighbour.GetAtomicNum() != 6 or cation):
            neighbour.SetNumExplicitHs(1)
        elif neighbour.GetNoImplicit() or neighbour.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED:
            neighbour.SetNoImplicit(False)
            neighbour.SetNumExplicitHs(0)
            neighbour.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    return False

"""Which molecules conformers are made of, and why not of others."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem

_NON_METALS = {1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 33, 34, 35, 36, 52, 53, 54}
_TETRAHEDRAL = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
_ATROPISOMERS = (Chem.BondStereo.STEREOATROPCW, Chem.BondStereo.STEREOATROPCCW)
_SHOWN = 5


def refusal(molecule: Chem.Mol, *, any_stereo: bool = False) -> str:
    """Why no conformers of a molecule are made; "" where they are.

    Args:
        molecule: Sanitised, without its hydrogens.
        any_stereo: Whether stereo may be undefined.

    Returns:
        A metal that is bonded, unpaired electrons, undefined stereo, or stereo of a kind that is not checked. Metal ions beside a molecule
        are no reason.
    """
    for atom in molecule.GetAtoms():
        where = f"{atom.GetSymbol()}{atom.GetIdx() + 1}"
        if not atom.GetAtomicNum():
            return "it has an atom of no element"
        if atom.GetAtomicNum() not in _NON_METALS and atom.GetDegree():
            return f"it has a metal with bonds: {where}"
        if atom.GetNumRadicalElectrons():
            return f"it is a radical: {where} has unpaired electrons"
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED and atom.GetChiralTag() not in _TETRAHEDRAL:
            return f"the stereo of {where} is not tetrahedral, and is not checked"
    if any(bond.GetStereo() in _ATROPISOMERS for bond in molecule.GetBonds()):
        return "it has a hindered single bond, whose sense is not checked"
    if not any_stereo and (undefined := undefined_stereo(molecule)):
        more = ", ..." if len(undefined) > _SHOWN else ""
        return f"its stereo is undefined at {', '.join(undefined[:_SHOWN])}{more}"
    return ""


def undefined_stereo(molecule: Chem.Mol) -> Sequence[str]:
    """Tetrahedral centres and double bonds whose stereo a molecule leaves open, as "C3" and "C4=N5" with numbers of atoms from 1.

    Bonds that turn at room temperature are none: those to an N with a hydrogen, and cumulated ones.
    """
    undefined = []
    for element in Chem.FindPotentialStereo(molecule, cleanIt=False, flagPossible=True):
        if element.specified == Chem.StereoSpecified.Specified:
            continue
        if element.type == Chem.StereoType.Atom_Tetrahedral:
            undefined.append(_named(molecule.GetAtomWithIdx(element.centeredOn)))
        elif element.type == Chem.StereoType.Bond_Double:
            ends = [getattr(molecule.GetBondWithIdx(element.centeredOn), f"Get{end}Atom")() for end in ("Begin", "End")]
            if not any(_turns(atom) for atom in ends):
                undefined.append("=".join(_named(atom) for atom in ends))
    return undefined


def _named(atom: Chem.Atom) -> str:
    return f"{atom.GetSymbol()}{atom.GetIdx() + 1}"


def _turns(atom: Chem.Atom) -> bool:
    double = sum(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds())
    return double > 1 or (atom.GetAtomicNum() == 7 and atom.GetTotalNumHs(includeNeighbors=True) > 0)

"""RDKit molecules to small integer codes: the reference route through RDKit's Python interface, and the compiled one.

Two steps. `perceive` takes what RDKit knows of atoms and bonds, marks of stereo included, which depend on the order of the atoms; `coded`
makes it into the codes of a version (`vocabulary`), which from version 2 on depend on the molecule alone.

The compiled route of the first step (`featurise_compiled`, extra "fast") decodes RDKit's binary form in one pass and is checked against the
reference on a list of probe molecules before its first use; when it is missing or disagrees, the reference is used and
one warning is logged.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rdkit import Chem, rdBase

from hooke.molecules.arrays import MoleculeArrays, joined
from hooke.molecules.stereo import ATROPISOMER, GROUP_KINDS, Marks, descriptors
from hooke.molecules.vocabulary import (
    ATOM_COLUMNS,
    BOND_COLUMNS,
    BOND_VOCABULARIES,
    FARTHEST_ISOTOPE,
    FEATURES,
    atom_vocabularies,
)

_LOG = logging.getLogger(__name__)

# Molecules that together show every feature; the compiled route must agree with the reference on all of them.
PROBES = (
    "C", "[Na+].[Cl-]", "*CC", "c1ccccc1O", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)[O-]", "F/C=C/F", "F/C=C\\F", "[2H]C([2H])O",
    "C[N+](C)(C)C", "O=S(=O)(N)c1ccc2[nH]ccc2c1", "[CH3]", "[O][O]", "C#N", "[NH3]->[Cu+2]", "[Fe]", "OP(=O)(O)O", "[H][H]",
    "FS(F)(F)(F)(F)F", "C1CC2CC1CC2", "c1ccc2ccccc2c1-c1ccncc1", "[13CH4]", "[U]", "B(O)(O)c1ccccc1", "CC=C=CC", "[H+]",
    "[CH3:5][CH2:127]O", "[CH3:128][OH:70000]", "F/C=C/" + "C" * 300 + "[C@H](Cl)Br", "[CH2-]C=[N+]=[N-]", "[Ti+4]", "N#[N+][O-]",
    "C[C@H](F)[C@@H](F)Br |&1:1,o2:3|", "Cc1cccc(I)c1-c1c(C)cccc1Br |wU:7.6|", "[2H][C@](C)(F)Br", "F/C(Cl)=C(/F)C", "CC=C(C)F |w:1.0|",
)  # fmt: skip


@dataclass(frozen=True)
class Perceived:
    """What RDKit knows of some molecules: codes of version 1, and the rest."""

    arrays: MoleculeArrays
    marks: Marks


def featurise(molecules: Sequence[Chem.Mol], features: int = FEATURES) -> MoleculeArrays:
    """Atom and bond codes of many molecules.

    Args:
        molecules: Sanitised, with their stereo marks assigned.
        features: Version of the codes.
    """
    return coded([perceive(molecules)], features)


def perceive(molecules: Sequence[Chem.Mol]) -> Perceived:
    """The first step, by the fastest route that is known to be right here."""
    compiled = compiled_route()
    return compiled(molecules) if compiled is not None else perceive_reference(molecules)


def coded(parts: Sequence[Perceived], features: int = FEATURES) -> MoleculeArrays:
    """The second step, for the molecules of all parts after one another.

    Raises:
        ValueError: No such version.
    """
    arrays = joined([part.arrays for part in parts])
    columns = len(atom_vocabularies(features))
    if features == 1:
        return arrays
    marks = Marks(*(np.concatenate([getattr(part.marks, name) for part in parts]) for name in vars(parts[0].marks)))
    described = descriptors(arrays, marks)
    codes = np.zeros((len(arrays.atom_codes), columns), np.uint8)
    codes[:, : arrays.atom_codes.shape[1]] = arrays.atom_codes
    codes[:, _COLUMN["chirality"]] = described.chirality
    codes[:, _COLUMN["isotope"]] = _isotope_codes(arrays.atom_codes[:, 0], marks.isotopes)
    codes[:, _COLUMN["stereo_group"]] = marks.groups[:, 0]
    codes[:, _COLUMN["relation"]] = described.relation
    bond_codes = arrays.bond_codes.copy()
    bond_codes[:, BOND_COLUMNS.index("stereo")] = described.bonds
    return replace(arrays, atom_codes=codes, bond_codes=bond_codes)


def perceive_reference(molecules: Sequence[Chem.Mol]) -> Perceived:
    """The first step through RDKit's Python interface; slow and plain."""
    atoms: list[list[int]] = []
    ends: list[tuple[int, int]] = []
    bonds: list[list[int]] = []
    isotopes: list[int] = []
    stereo: list[int] = []
    chosen: list[list[int]] = []
    atom_counts, bond_counts = [], []
    for molecule in molecules:
        for atom in molecule.GetAtoms():
            atoms.append(_atom_codes(atom))
            isotopes.append(atom.GetIsotope())
        for bond in molecule.GetBonds():
            ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            bonds.append(_bond_codes(bond))
            stereo.append(int(bond.GetStereo()))
            chosen.append(list(bond.GetStereoAtoms()) or [-1, -1])
        atom_counts.append(molecule.GetNumAtoms())
        bond_counts.append(molecule.GetNumBonds())
    arrays = MoleculeArrays(
        atom_offsets=np.concatenate([[0], np.cumsum(atom_counts)]).astype(np.int64),
        bond_offsets=np.concatenate([[0], np.cumsum(bond_counts)]).astype(np.int64),
        atom_codes=np.array(atoms, dtype=np.uint8).reshape(-1, len(_ATOM_CODE)),
        bond_atoms=np.array(ends, dtype=np.uint16).reshape(-1, 2),
        bond_codes=np.array(bonds, dtype=np.uint8).reshape(-1, len(BOND_COLUMNS)),
    )
    return marked(
        molecules,
        arrays,
        np.array(isotopes, dtype=np.uint16),
        np.array(stereo, dtype=np.uint8),
        np.array(chosen, dtype=np.int32).reshape(-1, 2),
    )


def marked(
    molecules: Sequence[Chem.Mol],
    arrays: MoleculeArrays,
    isotopes: np.ndarray,
    bond_stereo: np.ndarray,
    bond_atoms: np.ndarray,
) -> Perceived:
    """With what needs the molecules themselves: groups of enhanced stereo, and the neighbours that marks of hindered bonds are about.

    Args: As in `stereo.Marks`.
    """
    groups = np.zeros((len(isotopes), 2), np.uint16)
    grouped = np.zeros(len(bond_stereo), bool)
    for row, molecule in enumerate(molecules):
        for number, group in enumerate(molecule.GetStereoGroups(), 1):
            kind = GROUP_KINDS.index(group.GetGroupType().name)
            if not kind:
                continue
            bonds = [bond.GetIdx() for bond in group.GetBonds()]
            ends = arrays.bond_atoms[arrays.bond_offsets[row] + np.array(bonds, np.int64)].ravel()
            atoms = [*(atom.GetIdx() for atom in group.GetAtoms()), *ends.tolist()]
            groups[arrays.atom_offsets[row] + np.array(atoms, np.int64)] = kind, number
            grouped[arrays.bond_offsets[row] + np.array(bonds, np.int64)] = True
    owner = np.repeat(np.arange(len(arrays)), arrays.bond_counts)
    for bond in np.flatnonzero(bond_stereo >= ATROPISOMER):
        own = molecules[owner[bond]].GetBondWithIdx(int(bond - arrays.bond_offsets[owner[bond]]))
        bond_atoms[bond] = [_lowest_neighbour(end, own) for end in (own.GetBeginAtom(), own.GetEndAtom())]
    return Perceived(arrays, Marks(isotopes, bond_stereo, bond_atoms, groups, grouped))


def _lowest_neighbour(end: Chem.Atom, bond: Chem.Bond) -> int:
    """The neighbour that RDKit's mark of a hindered bond is about: the one of lowest number."""
    return min(
        (atom.GetIdx() for atom in end.GetNeighbors() if atom.GetIdx() != bond.GetOtherAtomIdx(end.GetIdx())),
        default=-1,
    )


_COLUMN = {name: place for place, name in enumerate(ATOM_COLUMNS)}
_TAGS = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW")
_STEREO = ("STEREONONE", "STEREOANY", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS")
_ATOM_CODE = [{value: code for code, value in enumerate(vocabulary.values)} for vocabulary in atom_vocabularies(1)]
_BOND_CODE = [{value: code for code, value in enumerate(vocabulary.values)} for vocabulary in BOND_VOCABULARIES]
_ATOM_CODE[_COLUMN["chirality"]] = {tag: code for code, tag in enumerate(_TAGS)}
_BOND_CODE[BOND_COLUMNS.index("stereo")] = {mark: code for code, mark in enumerate(_STEREO)}
_COMMONEST = np.array([0, *(Chem.GetPeriodicTable().GetMostCommonIsotope(number) for number in range(1, 119)), 0])


def _isotope_codes(elements: np.ndarray, isotopes: np.ndarray) -> np.ndarray:
    """(A,) codes of "isotope"."""
    difference = isotopes.astype(np.int64) - _COMMONEST[elements]
    known = np.abs(difference) <= FARTHEST_ISOTOPE
    codes = np.where(known, difference + FARTHEST_ISOTOPE + 1, 2 * FARTHEST_ISOTOPE + 2)
    return np.where(isotopes == 0, 0, codes)


def _atom_codes(atom: Chem.Atom) -> list[int]:
    features = (
        atom.GetAtomicNum(), atom.GetFormalCharge(), atom.GetTotalNumHs(includeNeighbors=True), atom.GetNumRadicalElectrons(),
        atom.GetHybridization().name, atom.GetChiralTag().name, atom.GetIsAromatic(), atom.IsInRing(),
    )  # fmt: skip
    return [code.get(value, len(code)) for code, value in zip(_ATOM_CODE, features, strict=True)]


def _bond_codes(bond: Chem.Bond) -> list[int]:
    features = (bond.GetBondType().name, bond.GetStereo().name, bond.GetIsConjugated(), bond.IsInRing())
    return [code.get(value, len(code)) for code, value in zip(_BOND_CODE, features, strict=True)]


def same_codes(first: MoleculeArrays, second: MoleculeArrays) -> bool:
    """Whether two featurisations are equal in every code."""
    names = ("atom_offsets", "bond_offsets", "atom_codes", "bond_atoms", "bond_codes")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def same_perceived(first: Perceived, second: Perceived) -> bool:
    """Whether two are equal in every code and mark."""
    return same_codes(first.arrays, second.arrays) and all(
        np.array_equal(value, getattr(second.marks, name)) for name, value in vars(first.marks).items()
    )


@functools.cache
def compiled_route() -> Callable[[Sequence[Chem.Mol]], Perceived] | None:
    """The compiled first step if it is installed and agrees with the reference on the probes, else None."""
    try:
        from hooke.molecules.featurise_compiled import perceive_compiled
    except ImportError as error:
        _LOG.warning("atoms and bonds are featurised in Python (%s). Faster: pip install 'hooke-bio[fast]'", error)
        return None
    except RuntimeError as error:  # numba finds no folder that it may write to
        _LOG.warning("atoms and bonds are featurised in Python (%s). Faster: set NUMBA_CACHE_DIR", error)
        return None
    with rdBase.BlockLogs():
        probes = [Chem.MolFromSmiles(smiles) for smiles in PROBES]
    try:
        agrees = same_perceived(perceive_compiled(probes), perceive_reference(probes))
    except ValueError:
        agrees = False
    if not agrees:
        _LOG.warning("RDKit's binary format differs from the one known here: atoms and bonds are featurised in Python")
        return None
    return perceive_compiled

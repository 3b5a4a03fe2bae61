"""RDKit molecules to small integer codes: the reference route through RDKit's Python interface, and the compiled one.

The compiled route (`featurise_compiled`, extra "fast") decodes RDKit's binary form in one pass and is checked against the
reference on a list of probe molecules before its first use; when it is missing or disagrees, the reference is used and
one warning is logged.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence

import numpy as np
from rdkit import Chem, rdBase

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.vocabulary import ATOM_COLUMNS, ATOM_VOCABULARIES, BOND_COLUMNS, BOND_VOCABULARIES

_LOG = logging.getLogger(__name__)

# Molecules that together show every feature; the compiled route must agree with the reference on all of them.
PROBES = (
    "C", "[Na+].[Cl-]", "*CC", "c1ccccc1O", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)[O-]", "F/C=C/F", "F/C=C\\F", "[2H]C([2H])O",
    "C[N+](C)(C)C", "O=S(=O)(N)c1ccc2[nH]ccc2c1", "[CH3]", "[O][O]", "C#N", "[NH3]->[Cu+2]", "[Fe]", "OP(=O)(O)O", "[H][H]",
    "FS(F)(F)(F)(F)F", "C1CC2CC1CC2", "c1ccc2ccccc2c1-c1ccncc1", "[13CH4]", "[U]", "B(O)(O)c1ccccc1", "CC=C=CC", "[H+]",
    "[CH3:5][CH2:127]O", "[CH3:128][OH:70000]", "F/C=C/" + "C" * 300 + "[C@H](Cl)Br", "[CH2-]C=[N+]=[N-]", "[Ti+4]", "N#[N+][O-]",
)  # fmt: skip


def featurise(molecules: Sequence[Chem.Mol]) -> MoleculeArrays:
    """Atom and bond codes of many molecules, by the fastest route that is known to be right here."""
    compiled = compiled_route()
    return compiled(molecules) if compiled is not None else featurise_reference(molecules)


def featurise_reference(molecules: Sequence[Chem.Mol]) -> MoleculeArrays:
    """Atom and bond codes through RDKit's Python interface; slow and plain."""
    atoms: list[list[int]] = []
    ends: list[tuple[int, int]] = []
    bonds: list[list[int]] = []
    atom_counts, bond_counts = [], []
    for molecule in molecules:
        atoms.extend(_atom_codes(atom) for atom in molecule.GetAtoms())
        for bond in molecule.GetBonds():
            ends.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            bonds.append(_bond_codes(bond))
        atom_counts.append(molecule.GetNumAtoms())
        bond_counts.append(molecule.GetNumBonds())
    return MoleculeArrays(
        atom_offsets=np.concatenate([[0], np.cumsum(atom_counts)]).astype(np.int64),
        bond_offsets=np.concatenate([[0], np.cumsum(bond_counts)]).astype(np.int64),
        atom_codes=np.array(atoms, dtype=np.uint8).reshape(-1, len(ATOM_COLUMNS)),
        bond_atoms=np.array(ends, dtype=np.uint16).reshape(-1, 2),
        bond_codes=np.array(bonds, dtype=np.uint8).reshape(-1, len(BOND_COLUMNS)),
    )


_ATOM_CODE = [{value: code for code, value in enumerate(vocabulary.values)} for vocabulary in ATOM_VOCABULARIES]
_BOND_CODE = [{value: code for code, value in enumerate(vocabulary.values)} for vocabulary in BOND_VOCABULARIES]


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


@functools.cache
def compiled_route() -> Callable[[Sequence[Chem.Mol]], MoleculeArrays] | None:
    """The compiled featuriser if it is installed and agrees with the reference on the probes, else None."""
    try:
        from hooke.molecules.featurise_compiled import featurise_compiled
    except ImportError as error:
        _LOG.warning("atoms and bonds are featurised in Python (%s). Faster: pip install 'hooke-bio[fast]'", error)
        return None
    except RuntimeError as error:  # numba finds no folder that it may write to
        _LOG.warning("atoms and bonds are featurised in Python (%s). Faster: set NUMBA_CACHE_DIR", error)
        return None
    with rdBase.BlockLogs():
        probes = [Chem.MolFromSmiles(smiles) for smiles in PROBES]
    try:
        agrees = same_codes(featurise_compiled(probes), featurise_reference(probes))
    except ValueError:
        agrees = False
    if not agrees:
        _LOG.warning("RDKit's binary format differs from the one known here: atoms and bonds are featurised in Python")
        return None
    return featurise_compiled

"""Test parts that never move: the part of a molecule follows from its scaffold alone, in whatever table it stands.

    part(molecule) = digest(scaffold) mod 10:  0 test, 1 valid, 2 ... 9 train

with the first block of the InChIKey (the connectivity) in place of the scaffold for molecules without a ring, which would otherwise
all be in one part. Two tables can then never disagree, so that a mixture can leave out the test molecules of all suites. About one
scaffold in ten is tested on, which for a small table is not one molecule in ten.

Differs from the usual scaffold splits: no choice of seed, and no filling up to an exact share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem

from hooke.molecules.parse import ParseError, parse
from hooke.molecules.scaffolds import scaffold_smiles

PARTS = 10
RULE_VERSION = 1  # raise it when the same table would have other test molecules


def first_block(molecule: Chem.Mol) -> str:
    """The first 14 letters of the InChIKey: the same for all stereoisomers, isotopes and protonation states of a skeleton.

    "" where InChI cannot name the molecule.
    """
    from rdkit import rdBase

    with rdBase.BlockLogs():
        return Chem.MolToInchiKey(molecule)[:14]


def part_key(molecule: Chem.Mol) -> str:
    """What decides the part: the Bemis-Murcko scaffold without stereo, or the connectivity of a molecule without rings."""
    return scaffold_smiles(molecule) or first_block(molecule) or Chem.MolToSmiles(molecule)


def part_number(key: str) -> int:
    """0 ... 9, the same on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % PARTS


def held_out(smiles: Sequence[str]) -> np.ndarray:
    """(N,) bool: molecules of the test part; a string that is no molecule is in none."""
    return np.array([_number(text) == 0 for text in smiles], dtype=bool)


def _number(smiles: str) -> int | None:
    try:
        return part_number(part_key(parse(smiles)))
    except ParseError:
        return None


def blocks_of(smiles: Iterable[str]) -> frozenset[str]:
    """First blocks of the InChIKeys of all strings that are molecules."""
    found = set()
    for text in smiles:
        try:
            found.add(first_block(parse(text)))
        except ParseError:
            continue
    return frozenset(found - {""})

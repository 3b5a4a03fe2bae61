"""From SMILES strings to arrays: the one path that ingest, predict and embed share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

from hooke.core.reading import reading
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.encodings.config import EncodingConfig, add_encodings
from hooke.molecules.featurise import coded, perceive
from hooke.molecules.parse import (
    KEEP_ALL,
    ParseError,
    StandardiseConfig,
    canonical_smiles,
    parse,
    silence_rdkit,
    without_numbers,
)
from hooke.molecules.positions import positions_of

_BLOCK = 64  # RDKit's molecules at a time: so few stay in the processor's cache until their codes are taken


@dataclass(frozen=True)
class PreparedMolecules:
    """The strings that parsed, as arrays, and why the others did not.

    Attributes:
        arrays: The molecules that parsed, in order.
        canonical: Their canonical SMILES after standardisation; empty if not asked for.
        kept: (K,) int64 their positions in the input.
        reasons: Input position -> why it was refused.
    """

    arrays: MoleculeArrays
    canonical: list[str]
    kept: np.ndarray
    reasons: dict[int, str]


def encoded(molecules: Sequence[Chem.Mol], encodings: EncodingConfig) -> MoleculeArrays:
    """The arrays of molecules that are parsed already."""
    if encodings.explicit_hydrogens:
        molecules = [Chem.AddHs(molecule) for molecule in molecules]
    positions = positions_of(molecules, encodings.positions) if encodings.positions else None
    return add_encodings(coded([perceive(molecules)], encodings.features), encodings, positions)


def prepare(
    smiles: Sequence[str],
    standardise: StandardiseConfig = KEEP_ALL,
    encodings: EncodingConfig = EncodingConfig(),
    *,
    canonical: bool = True,
    accept: Callable[[Chem.Mol, str, int], Chem.Mol] | None = None,
) -> PreparedMolecules:
    """Parse, standardise, featurise and encode; refused strings are reported, never raised.

    Args:
        smiles: The strings.
        standardise, encodings: As in a recipe.
        canonical: Whether canonical SMILES are wanted.
        accept: Is given each standardised molecule, its atoms still numbered, its string and the string's position; returns the molecule
            to store, or raises `ParseError`.
    """
    silence_rdkit()
    parts, names, kept, reasons, positions = [], [], [], {}, []
    for first in range(0, max(len(smiles), 1), _BLOCK):
        molecules = []
        for position, text in enumerate(smiles[first : first + _BLOCK], first):
            try:
                molecule = parse(text, standardise, numbered=accept is not None)
                if accept is not None:
                    with reading("the molecule", raised=ParseError):
                        molecule = without_numbers(accept(molecule, text, position))
                molecules.append(molecule)
                kept.append(position)
            except ParseError as error:
                reasons[position] = str(error)
        names += [canonical_smiles(molecule) for molecule in molecules] if canonical else []
        if encodings.explicit_hydrogens:
            molecules = [Chem.AddHs(molecule) for molecule in molecules]
        parts.append(perceive(molecules))
        if encodings.positions:
            positions.append(positions_of(molecules, encodings.positions))
    arrays = add_encodings(
        coded(parts, encodings.features), encodings, np.concatenate(positions) if positions else None
    )
    return PreparedMolecules(arrays, names, np.array(kept, dtype=np.int64), reasons)

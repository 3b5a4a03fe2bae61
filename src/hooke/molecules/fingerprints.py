"""Fingerprints of molecules as matrices: input of baselines and of similarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator

from hooke.molecules.parse import molecule_of


def morgan_counts(smiles: Sequence[str], *, radius: int = 2, bits: int = 2048) -> np.ndarray:
    """(N, bits) float32 counts of Morgan environments (Rogers and Hahn 2010), folded.

    Raises:
        ValueError: A SMILES does not parse.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits)
    out = np.zeros((len(smiles), bits), np.float32)
    for row, molecule in enumerate(map(molecule_of, smiles)):
        out[row] = generator.GetCountFingerprintAsNumPy(molecule)
    return out


def morgan_bits(smiles: Sequence[str], *, radius: int = 2, bits: int = 2048) -> list[DataStructs.ExplicitBitVect]:
    """Bit fingerprints for Tanimoto similarity."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits)
    return [generator.GetFingerprint(molecule) for molecule in map(molecule_of, smiles)]


def nearest_similarity(smiles: Sequence[str], reference: Sequence[str]) -> np.ndarray:
    """(N,) Tanimoto similarity of each molecule to its nearest reference molecule; 0 without references."""
    known = morgan_bits(reference)
    if not known:
        return np.zeros(len(smiles))
    return np.array([max(DataStructs.BulkTanimotoSimilarity(print_, known)) for print_ in morgan_bits(smiles)])

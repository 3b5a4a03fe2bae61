"""Clusters of similar molecules, for splits that keep look-alikes together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit.SimDivFilters import rdSimDivPickers

from hooke.molecules.fingerprints import morgan_bits


def similarity_clusters(smiles: Sequence[str], *, threshold: float = 0.65) -> np.ndarray:
    """(N,) int64 cluster of each molecule, by sphere exclusion on Morgan fingerprints.

    Leaders are picked so that no two are nearer than `threshold` (Tanimoto distance); every molecule joins its nearest leader.

    Source: Roger Sayle's leader picker in RDKit (rdSimDivPickers.LeaderPicker).
    """
    from rdkit import DataStructs

    prints = morgan_bits(smiles)
    if not prints:
        return np.zeros(0, np.int64)
    leaders = list(rdSimDivPickers.LeaderPicker().LazyBitVectorPick(prints, len(prints), threshold))
    chosen = [prints[leader] for leader in leaders]
    return np.array([int(np.argmax(DataStructs.BulkTanimotoSimilarity(item, chosen))) for item in prints], np.int64)

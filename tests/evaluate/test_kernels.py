"""Kernels against RDKit's Tanimoto similarity of counts and against sums pair by pair; nothing but the known rows sets a scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit.Chem import AllChem, MolFromSmiles
from rdkit.DataStructs import TanimotoSimilarity

from hooke.core.errors import UsageError
from hooke.evaluate.kernels import MeanKernel

SMILES = ("CCO", "CCCO", "c1ccccc1O", "CC(=O)Nc1ccccc1", "C", "CCCCCCCCCC(=O)O", "c1ccc(cc1)-c1ccccc1", "CCOCC")


def pair_by_pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    shared = np.minimum(left[:, None], right[None]).sum(-1)
    either = np.maximum(left[:, None], right[None]).sum(-1)
    return np.where(either > 0, shared / np.where(either > 0, either, 1), 1.0)


def test_counts_are_compared_as_rdkit_does() -> None:
    generator = AllChem.GetMorganGenerator(radius=2, fpSize=512)
    prints = [generator.GetCountFingerprint(MolFromSmiles(text)) for text in SMILES]
    counts = np.array([generator.GetCountFingerprintAsNumPy(MolFromSmiles(text)) for text in SMILES], np.float64)
    expected = [[TanimotoSimilarity(left, right) for left in prints] for right in prints]
    kernel = MeanKernel.of(counts, (512,))
    np.testing.assert_allclose(kernel.among(), expected, rtol=1e-15)
    np.testing.assert_allclose(kernel.against(counts[3:5]), np.array(expected)[3:5], rtol=1e-15)


def test_mean_of_blocks() -> None:
    generator = np.random.default_rng(0)
    known, new = (
        np.hstack(
            [generator.poisson(0.4, (rows, 30)), generator.poisson(3.0, (rows, 5)), generator.normal(size=(rows, 7))]
        )
        for rows in (40, 9)
    )
    known[0, :30] = new[0, :30] = 0.0
    known[:, -1] = 4.0  # constant
    kernel = MeanKernel.of(known, (30, 5), (3,))
    assert kernel.radial == (3, 4)
    std = known[:, 35:].std(0)
    std[-1] = 1.0

    def radial(part: slice) -> np.ndarray:
        left, right = ((rows[:, 35:] - known[:, 35:].mean(0)) / std for rows in (new, known))
        left, right = np.clip(left[:, part], -10, 10), np.clip(right[:, part], -10, 10)
        among = ((right[:, None] - right[None]) ** 2).sum(-1)
        median = np.median(among[np.triu_indices(40, 1)])
        return np.exp(-((left[:, None] - right[None]) ** 2).sum(-1) / (4 * median))

    counts = [pair_by_pair(new[:, part], known[:, part]) for part in (slice(0, 30), slice(30, 35))]
    expected = (sum(counts) + radial(slice(0, 3)) + radial(slice(3, 7))) / 4
    np.testing.assert_allclose(kernel.against(new), expected, rtol=1e-12)
    np.testing.assert_allclose(kernel.against(new[4:5]), expected[4:5], rtol=1e-12)
    among = kernel.among()
    np.testing.assert_allclose(among, kernel.against(known), rtol=1e-12)
    wider, same = kernel.among_stretched((2.0, 1.0))
    np.testing.assert_array_equal(same, among)
    np.testing.assert_allclose(wider, replace(kernel, medians=kernel.medians * 2).against(known), rtol=1e-12)
    back = MeanKernel.from_arrays(kernel.arrays())
    np.testing.assert_array_equal(back.against(new), kernel.against(new))
    np.testing.assert_allclose(kernel.taken(np.array([5, 2])).against(new), expected[:, [5, 2]], rtol=1e-12)
    assert np.linalg.eigvalsh(kernel.among()).min() > -1e-12


def test_refusals() -> None:
    for wrong in (0.5, -1.0, 1e6):
        with pytest.raises(UsageError, match="counts must be whole numbers"):
            MeanKernel.of(np.full((3, 4), wrong), (4,))
    with pytest.raises(UsageError, match="kernel blocks of 9 features, and there are 4"):
        MeanKernel.of(np.zeros((3, 4)), (5,), (4,))

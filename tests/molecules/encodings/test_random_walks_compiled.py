from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.molecules.arrays import MoleculeArrays

pytest.importorskip("numba")
from hooke.molecules.encodings.random_walks_compiled import return_probabilities_compiled


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2**32)), min_size=0, max_size=6), st.integers(1, 9))
@settings(deadline=None)
def test_equals_powers_of_the_transition_matrix(molecules: list[tuple[int, int]], steps: int) -> None:
    """Any graphs, among them isolated atoms, several pieces and none at all."""
    atoms, bonds, pairs, expected = [0], [0], [], [np.zeros((0, steps))]
    for count, seed in molecules:
        generator = np.random.default_rng(seed)
        adjacency = np.triu(generator.random((count, count)) < 0.4, 1)
        chosen = np.argwhere(adjacency)
        pairs += chosen.tolist()
        atoms.append(atoms[-1] + count)
        bonds.append(bonds[-1] + len(chosen))
        whole = (adjacency | adjacency.T).astype(float)
        degree = whole.sum(axis=1, keepdims=True)
        transition = np.divide(whole, degree, out=np.zeros_like(whole), where=degree > 0)
        powers = [np.linalg.matrix_power(transition, step) for step in range(1, steps + 1)]
        expected.append(np.stack([np.diag(power) for power in powers], axis=1))
    arrays = MoleculeArrays(
        np.array(atoms), np.array(bonds), np.zeros((atoms[-1], 8), np.uint8),
        np.array(pairs, np.uint16).reshape(-1, 2), np.zeros((bonds[-1], 4), np.uint8),
    )  # fmt: skip
    np.testing.assert_allclose(return_probabilities_compiled(arrays, steps), np.concatenate(expected), atol=1e-12)

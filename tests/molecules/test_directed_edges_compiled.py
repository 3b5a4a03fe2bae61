from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.directed_edges import directed_edges_reference

pytest.importorskip("numba")
from hooke.molecules.directed_edges_compiled import directed_edges_compiled


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2**32)), min_size=0, max_size=8))
def test_equals_numpy(molecules: list[tuple[int, int]]) -> None:
    atoms, bonds, pairs = [0], [0], []
    for count, seed in molecules:
        generator = np.random.default_rng(seed)
        possible = [(i, j) if generator.random() < 0.5 else (j, i) for i in range(count) for j in range(i)]
        chosen = [pair for pair in possible if generator.random() < 0.4]
        generator.shuffle(chosen)
        pairs += chosen
        atoms.append(atoms[-1] + count)
        bonds.append(bonds[-1] + len(chosen))
    arrays = MoleculeArrays(
        np.array(atoms), np.array(bonds), np.zeros((atoms[-1], 8), np.uint8),
        np.array(pairs, np.uint16).reshape(-1, 2), np.zeros((bonds[-1], 4), np.uint8),
    )  # fmt: skip
    for found, expected in zip(directed_edges_compiled(arrays), directed_edges_reference(arrays), strict=True):
        np.testing.assert_array_equal(found, expected)

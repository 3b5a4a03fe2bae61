"""The compiled sum against a loop over edges."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.molecules.rectified_sum_compiled import rectified_sum_compiled

SOURCE, KINDS, OFFSETS = np.array([1, 0, 2, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 3, 4, 4])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_equals_a_loop_over_edges(dtype: type, tolerance: float) -> None:
    generator = np.random.default_rng(0)
    nodes, rows = generator.normal(size=(4, 6)).astype(dtype), generator.normal(size=(2, 6)).astype(dtype)
    found = rectified_sum_compiled(nodes, rows, KINDS, SOURCE, OFFSETS)
    expected = np.zeros_like(nodes)
    for node in range(4):
        for edge in range(OFFSETS[node], OFFSETS[node + 1]):
            expected[node] += np.maximum(nodes[SOURCE[edge]] + rows[KINDS[edge]], 0)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    assert not found[3].any()  # nothing leads to it


def test_no_nodes_and_no_edges() -> None:
    empty = np.zeros(0, np.int64)
    assert rectified_sum_compiled(np.zeros((0, 3)), np.zeros((0, 3)), empty, empty, np.zeros(1, np.int64)).shape == (
        0,
        3,
    )

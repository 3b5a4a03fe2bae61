"""Sums of rows, forward and backward, against loops in float64."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.molecules.row_sums_compiled import row_sums, row_sums_backward

PLACES, INDEX, OFFSETS = np.array([1, 0, 1]), np.array([2, 0, 2, 1]), np.array([0, 3, 3, 4])


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("with_base", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_equals_a_loop(dtype: type, tolerance: float, with_base: bool, rectify: bool) -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(size=(2 if with_base else 0, 5)).astype(dtype)
    rows, out, grad = (
        generator.normal(size=(3, 5)).astype(dtype),
        np.empty((3, 5), dtype),
        generator.normal(size=(3, 5)),
    )
    for begin, end in ((0, 2), (2, 5)):
        row_sums(base, PLACES, rows, INDEX, OFFSETS, rectify, out, begin, end)
    to_base, to_rows = np.zeros_like(base), np.zeros_like(rows)
    for begin, end in ((0, 2), (2, 5)):
        row_sums_backward(grad.astype(dtype), out, PLACES, INDEX, OFFSETS, rectify, to_base, to_rows, begin, end)
    expected_base, expected_rows = np.zeros(base.shape), np.zeros(rows.shape)
    for row in range(3):
        listed = INDEX[OFFSETS[row] : OFFSETS[row + 1]]
        total = rows[listed].astype(float).sum(axis=0) + (base[PLACES[row]] if with_base else 0)
        expected = np.maximum(total, 0) if rectify else total
        np.testing.assert_allclose(out[row], expected, rtol=tolerance, atol=tolerance)
        passed = grad[row] * (total > 0) if rectify else grad[row]
        np.add.at(expected_rows, listed, passed)
        if with_base:
            expected_base[PLACES[row]] += passed
    np.testing.assert_allclose(to_rows, expected_rows, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(to_base, expected_base, rtol=tolerance, atol=tolerance)


def test_nan_is_not_rectified_away() -> None:
    out = np.empty((1, 2))
    row_sums(np.zeros((0, 2)), PLACES[:1], np.array([[np.nan, -1.0]]), np.array([0]), np.array([0, 1]), True, out, 0, 2)
    assert np.isnan(out[0, 0])
    assert out[0, 1] == 0

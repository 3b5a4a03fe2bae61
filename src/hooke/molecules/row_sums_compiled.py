"""Sums of rows of a table compiled (extra "fast", numba), with what is added before and the ReLU after, forward and backward in one pass each.

    y_r = ρ(b_{p(r)} + Σ_{j ∈ list(r)} x_j),  ρ the ReLU or nothing

Columns are independent of each other: several threads may take some each, with the same bits.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def row_sums(base, places, rows, index, offsets, rectify, out, begin, end):  # type: ignore[no-untyped-def]
    """Write y.

    Args:
        base: (B, width) b, or (0, width) for none.
        places: (R,) p.
        rows: (N, width) x.
        index, offsets: The lists; that of r is index[offsets[r]:offsets[r + 1]].
        rectify: Whether ρ is the ReLU.
        out: (R, width).
        begin, end: Which columns.
    """
    zero, width = out.dtype.type(0), end - begin
    for row in range(len(out)):
        target = out[row, begin:end]
        if len(base):
            start = base[places[row], begin:end]
            for column in range(width):
                target[column] = start[column]
        else:
            for column in range(width):
                target[column] = zero
        for entry in range(offsets[row], offsets[row + 1]):
            added = rows[index[entry], begin:end]
            for column in range(width):
                target[column] += added[column]
        if rectify:
            for column in range(width):
                value = target[column]
                target[column] = zero if value < zero else value


@numba.njit(cache=True, nogil=True)
def row_sums_backward(grad, out, places, index, offsets, rectify, grad_base, grad_rows, begin, end):  # type: ignore[no-untyped-def]
    """Add to the gradients of b and x.

    Args:
        grad: (R, width) that of y.
        out: (R, width) y.
        places, index, offsets, rectify: As in `row_sums`.
        grad_base: (B, width) zeros, or (0, width).
        grad_rows: (N, width) zeros.
        begin, end: Which columns.
    """
    zero, width = grad.dtype.type(0), end - begin
    masked = np.empty(width, grad.dtype)
    for row in range(len(grad)):
        given, result = grad[row, begin:end], out[row, begin:end]
        for column in range(width):
            masked[column] = zero if rectify and result[column] <= zero else given[column]
        if len(grad_base):
            target = grad_base[places[row], begin:end]
            for column in range(width):
                target[column] += masked[column]
        for entry in range(offsets[row], offsets[row + 1]):
            target = grad_rows[index[entry], begin:end]
            for column in range(width):
                target[column] += masked[column]

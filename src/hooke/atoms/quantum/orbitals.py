"""Values of s and p functions on the points of a grid, in blocks of points that lie together, with the functions that reach them.

Points that hold next to no electrons are left out: those where weight · Σ_i φ_i² stays below `FEW`, by a bound of φ² that depends on
the distance to an atom alone. A block has the functions of the shells that exceed `FAINT` in √weight · |φ| somewhere on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np

from hooke.atoms.quantum.basis import Shells

BLOCK = 256  # points
FEW, FAINT = 1e-13, 1e-9


@dataclass(frozen=True)
class Blocks:
    """Points of one geometry in blocks.

    Attributes:
        points: (points, 3) in bohr, block after block.
        weights: (points,).
        first: (blocks + 1,) first point of each.
        own: (functions of all blocks,) which functions a block has.
        first_own: (blocks + 1,) where those of a block begin.
        values: Of each block (4, functions, points) flat, one after another: φ, ∂φ/∂x, ∂φ/∂y, ∂φ/∂z.
        first_value: (blocks + 1,) where those of a block begin.
        left_out: Points that hold next to no electrons.
    """

    points: np.ndarray
    weights: np.ndarray
    first: np.ndarray
    own: np.ndarray
    first_own: np.ndarray
    values: np.ndarray
    first_value: np.ndarray
    left_out: int


def blocks_of(
    shells: Shells, positions: np.ndarray, points: np.ndarray, weights: np.ndarray, dtype: type = np.float64
) -> Blocks:
    """Functions on a grid.

    Args:
        shells: Of the molecule.
        positions: (atoms, 3) in bohr.
        points, weights: Of the grid.
        dtype: Of the values.
    """
    positions = np.ascontiguousarray(positions)
    reach = _reach(shells)
    kept = _density_bound(points, positions, shells.atom, reach) * np.abs(weights) >= FEW
    left_out = int(len(kept) - kept.sum())
    points, weights = points[kept], weights[kept]
    order, first = _together(points)
    points, weights = np.ascontiguousarray(points[order]), np.ascontiguousarray(weights[order])
    reaches = _reaches(points, weights, first, positions, shells.atom, reach)
    widths = 1 + 3 * shells.kind
    functions = reaches @ widths
    first_own = np.concatenate([[0], np.cumsum(functions)])
    first_value = np.concatenate([[0], np.cumsum(4 * functions * np.diff(first))])
    own, values = np.empty(first_own[-1], np.int64), np.empty(first_value[-1], dtype)
    _fill(
        points, first, reaches, positions, shells.atom, shells.kind, shells.first, shells.lengths, shells.exponents, shells.s, shells.p,
        first_own, first_value, own, values,
    )  # fmt: skip
    return Blocks(points, weights, first, own, first_own, values, first_value, left_out)


def filled_blocks(
    points: np.ndarray, weights: np.ndarray, values_at: Callable[[np.ndarray], np.ndarray], functions: int
) -> Blocks:
    """All functions on all points of a grid, whatever their kind.

    Args:
        points, weights: Of the grid.
        values_at: (points, 3) → (4, points, functions) of values and derivatives.
        functions: How many there are.
    """
    order, first = _together(points)
    points, weights = np.ascontiguousarray(points[order]), np.ascontiguousarray(weights[order])
    values = np.empty(4 * functions * len(points))
    first_value = 4 * functions * first
    for start, end, place in zip(first[:-1], first[1:], first_value[:-1], strict=True):
        block = values_at(points[start:end]).transpose(0, 2, 1)
        values[place : place + block.size] = block.ravel()
    blocks = len(first) - 1
    return Blocks(
        points, weights, first, np.tile(np.arange(functions), blocks), functions * np.arange(blocks + 1), values, first_value, 0
    )  # fmt: skip


_STEP, _STEPS = 0.1, 400  # of the table of reaches, in bohr


def _reach(shells: Shells) -> np.ndarray:
    """(shells, steps) the largest |φ| of each shell beyond a distance."""
    r = np.arange(_STEPS) * _STEP
    decay = np.exp(-shells.exponents[..., None] * r**2)
    s = np.abs((shells.s[..., None] * decay).sum(1))
    p = np.abs(r * (shells.p[..., None] * decay).sum(1))
    return np.maximum.accumulate(np.maximum(s, p)[:, ::-1], axis=1)[:, ::-1].copy()


@numba.njit(cache=True, nogil=True)
def _density_bound(points, positions, atom, reach):  # type: ignore[no-untyped-def]
    """(points,) Σ over shells of φ² at most, four functions for each."""
    atoms = len(positions)
    square = np.zeros((atoms, reach.shape[1]))
    for shell in range(len(atom)):
        for step in range(reach.shape[1]):
            square[atom[shell], step] += 4 * reach[shell, step] ** 2
    out = np.zeros(len(points))
    for g in range(len(points)):
        for a in range(atoms):
            x, y, z = points[g, 0] - positions[a, 0], points[g, 1] - positions[a, 1], points[g, 2] - positions[a, 2]
            step = int(np.sqrt(x * x + y * y + z * z) * 10)
            if step < reach.shape[1]:
                out[g] += square[a, step]
    return out


def _together(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An order in which stretches of at most `BLOCK` points lie together, and where they begin: halved along the longest side."""
    order = np.arange(len(points))
    bounds = []
    todo = [(0, len(points))] if len(points) else []
    while todo:
        start, end = todo.pop()
        if end - start <= BLOCK:
            bounds.append(start)
            continue
        inside = points[order[start:end]]
        axis = int(np.argmax(inside.max(0) - inside.min(0)))
        half = -(-(end - start) // (2 * BLOCK)) * BLOCK  # whole blocks
        half = half if half < end - start else (end - start) // 2
        order[start:end] = order[start:end][np.argpartition(inside[:, axis], half)]
        todo += [(start, start + half), (start + half, end)]
    return order, np.array([*sorted(bounds), len(points)], np.int64)


@numba.njit(cache=True, nogil=True)
def _reaches(points, weights, first, positions, atom, reach):  # type: ignore[no-untyped-def]
    """(blocks, shells) whether a shell reaches a block."""
    out = np.zeros((len(first) - 1, len(atom)), np.bool_)
    steps = np.empty(len(positions), np.int64)
    for block in range(len(first) - 1):
        heaviest = 0.0
        steps[:] = reach.shape[1]
        for g in range(first[block], first[block + 1]):
            heaviest = max(heaviest, abs(weights[g]))
            for a in range(len(positions)):
                x, y, z = points[g, 0] - positions[a, 0], points[g, 1] - positions[a, 1], points[g, 2] - positions[a, 2]
                steps[a] = min(steps[a], int(np.sqrt(x * x + y * y + z * z) * 10))
        for shell in range(len(atom)):
            step = steps[atom[shell]]
            out[block, shell] = step < reach.shape[1] and reach[shell, step] * np.sqrt(heaviest) > 1e-9
    return out


@numba.njit(cache=True, nogil=True)
def _fill(  # type: ignore[no-untyped-def]
    points, first, reaches, positions, atom, kind, start, lengths, exponents, s, p, first_own, first_value, own, values
):
    for block in range(len(first) - 1):
        count = first[block + 1] - first[block]
        number = first_own[block + 1] - first_own[block]
        out = values[first_value[block] : first_value[block + 1]].reshape((4, number, count))
        at = points[first[block] : first[block + 1]]
        row = 0
        for shell in range(len(atom)):
            if not reaches[block, shell]:
                continue
            place = positions[atom[shell]]
            for function in range(1 + 3 * kind[shell]):
                own[first_own[block] + row + function] = start[shell] + function
            for g in range(count):
                x, y, z = at[g, 0] - place[0], at[g, 1] - place[1], at[g, 2] - place[2]
                square = x * x + y * y + z * z
                value, slope, value_p, slope_p = 0.0, 0.0, 0.0, 0.0
                for k in range(lengths[shell]):
                    a = exponents[shell, k]
                    if a * square > 60.0:
                        continue
                    e = np.exp(-a * square)
                    value += s[shell, k] * e
                    slope -= 2 * a * s[shell, k] * e
                    value_p += p[shell, k] * e
                    slope_p -= 2 * a * p[shell, k] * e
                out[0, row, g] = value
                out[1, row, g], out[2, row, g], out[3, row, g] = x * slope, y * slope, z * slope
                if kind[shell]:
                    out[0, row + 1, g], out[0, row + 2, g], out[0, row + 3, g] = x * value_p, y * value_p, z * value_p
                    out[1, row + 1, g], out[2, row + 1, g], out[3, row + 1, g] = (
                        x * x * slope_p + value_p,
                        x * y * slope_p,
                        x * z * slope_p,
                    )
                    out[1, row + 2, g], out[2, row + 2, g], out[3, row + 2, g] = (
                        x * y * slope_p,
                        y * y * slope_p + value_p,
                        y * z * slope_p,
                    )
                    out[1, row + 3, g], out[2, row + 3, g], out[3, row + 3, g] = (
                        x * z * slope_p,
                        y * z * slope_p,
                        z * z * slope_p + value_p,
                    )
            row += 1 + 3 * kind[shell]

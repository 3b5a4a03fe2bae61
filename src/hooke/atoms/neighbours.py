"""Neighbours within a cutoff, each pair of atoms once, by cell lists (vesin).

For systems that are large or repeat in space; small open ones are searched as padded blocks of distances on any device
(`nn.atoms.pairs`).
"""

from __future__ import annotations

import numpy as np

from hooke.atoms.frames import Frames
from hooke.core.errors import UsageError

NEAREST = 1e-2  # Å; atoms nearer than this coincide
INSTALL = "neighbours of large or periodic systems need vesin: pip install 'hooke-bio[quantum]'"


def neighbour_pairs(
    positions: np.ndarray, cutoff: float, cell: np.ndarray | None = None, periodic: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of atoms, images included, that are nearer than the cutoff.

    Args:
        positions: (atoms, 3).
        cutoff: In the unit of the positions.
        cell: (3, 3) rows are the lattice vectors; none where nothing repeats.
        periodic: (3,) along which of them the system repeats.

    Returns:
        (pairs, 2) int64 first and second atom, and (pairs, 3) int64 in how many lattice vectors the image of the second atom is shifted.
        An atom and an image of itself are a pair; the pair of the opposite shift is left out.

    Raises:
        UsageError: vesin is not installed.
    """
    try:
        from vesin import NeighborList
    except ImportError as error:
        raise UsageError(INSTALL) from error
    along = np.zeros(3, bool) if periodic is None else np.asarray(periodic, bool)
    box = np.eye(3) if cell is None or not along.any() else np.asarray(cell, np.float64)
    search = NeighborList(cutoff=float(cutoff), full_list=False, sorted=True)
    pairs, shifts = search.compute(
        points=np.asarray(positions, np.float64), box=box, periodic=along.tolist(), quantities="PS"
    )
    return np.asarray(pairs, np.int64).reshape(-1, 2), np.asarray(shifts, np.int64).reshape(-1, 3)


def coincident(frames: Frames) -> list[int]:
    """The frames two atoms of which are less than `NEAREST` apart."""
    from scipy.spatial import cKDTree

    found = []
    for frame, (first, stop) in enumerate(zip(frames.offsets[:-1], frames.offsets[1:], strict=True)):
        if stop - first > 1 and cKDTree(frames.positions[first:stop]).query_pairs(NEAREST):
            found.append(frame)
    return found

"""Distances within molecular graphs, counted in bonds."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.encodings.config import adjacency_by_size

UNREACHABLE = 255
FARTHEST = 254
_LARGE = 128  # atoms from which a search from every atom beats products of dense matrices


def shortest_paths(arrays: MoleculeArrays) -> tuple[np.ndarray, np.ndarray]:
    """Bonds on the shortest path between any two atoms of a molecule.

    Returns:
        offsets: (N + 1,) int64; molecule i owns the n_i * n_i entries offsets[i]:offsets[i + 1], row by row.
        distances: flat uint8, at most FARTHEST; UNREACHABLE where there is no path.
    """
    offsets = np.concatenate([[0], np.cumsum(arrays.atom_counts**2)]).astype(np.int64)
    distances = np.zeros(int(offsets[-1]), np.uint8)
    for rows, adjacency in adjacency_by_size(arrays):
        size = adjacency.shape[1]
        found = _by_products(adjacency) if size < _LARGE else np.stack([_by_search(one) for one in adjacency])
        distances[offsets[rows][:, None] + np.arange(size * size)] = found.reshape(len(rows), -1)
    return offsets, distances


def _by_products(adjacency: np.ndarray) -> np.ndarray:
    """(G, n, n) uint8 distances of stacked small graphs: all atoms take one step at a time."""
    size = adjacency.shape[1]
    step = adjacency.astype(np.float32)
    reached = np.broadcast_to(np.eye(size, dtype=bool), adjacency.shape).copy()
    found = np.where(reached, 0, UNREACHABLE).astype(np.uint8)
    for distance in range(1, size):
        new = (reached.astype(np.float32) @ step > 0) & ~reached
        if not new.any():
            break
        found[new] = distance
        reached |= new
    return found


def _by_search(adjacency: np.ndarray) -> np.ndarray:
    """(n, n) uint8 distances of one large graph, a block of rows at a time."""
    graph = scipy.sparse.csr_array(adjacency)
    found = np.full(adjacency.shape, UNREACHABLE, np.uint8)
    for first in range(0, len(found), _LARGE):
        block = np.arange(first, min(first + _LARGE, len(found)))
        lengths = scipy.sparse.csgraph.shortest_path(graph, method="D", unweighted=True, indices=block)
        found[block] = np.where(np.isfinite(lengths), np.minimum(lengths, FARTHEST), UNREACHABLE)
    return found

"""The same molecules written in another order of atoms and bonds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hooke.modalities import Follow
from hooke.molecules.batch import MoleculeBatch


def permuted(batch: MoleculeBatch, generator: np.random.Generator) -> tuple[MoleculeBatch, Follow]:
    """Renumber the atoms of each molecule at random, shuffle its bonds and swap the ends of half of the labelled pairs.

    Returns:
        The permuted batch, and where the rows of "node", "edge" (bonds) and "directed_edge" went; see `modalities.Symmetry`.
    """
    nodes = _shuffled(batch.node_graph, generator)
    bonds = _shuffled(batch.node_graph[batch.edge_index[1]].sort().values[::2], generator)
    ends = nodes.argsort()[batch.edge_index]
    edges = torch.from_numpy(np.lexsort(ends.numpy()))
    order = {"node": nodes, "edge": bonds, "directed_edge": edges}

    def follow(level: str, values: Tensor) -> Tensor:
        return values[order[level]] if level in order else values

    pairs = nodes.argsort()[batch.pair_index]
    swap = torch.from_numpy(generator.random(pairs.shape[1]) < 0.5)
    changed = replace(
        batch,
        atom_codes=batch.atom_codes[nodes],
        edge_index=ends[:, edges],
        edge_codes=batch.edge_codes[edges],
        edge_reverse=edges.argsort()[batch.edge_reverse[edges]],
        edge_bond=bonds.argsort()[batch.edge_bond[edges]],
        node_encodings={name: values[nodes] for name, values in batch.node_encodings.items()},
        targets={level: follow(level, values) for level, values in batch.targets.items()},
        bounds={level: follow(level, values) for level, values in batch.bounds.items()},
        pair_index=torch.where(swap, pairs.flip(0), pairs),
    )
    return changed, follow


def _shuffled(graph: Tensor, generator: np.random.Generator) -> Tensor:
    """Items in random order within each molecule."""
    return torch.from_numpy(np.lexsort((generator.random(len(graph)), graph.numpy())))

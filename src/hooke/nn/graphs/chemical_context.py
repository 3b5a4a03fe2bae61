"""The chemical context of an atom or bond as a class number: what stands up to k bonds away, with how many of each.

k = 1, of an atom: its element, and how often each (element, bond order) neighbours it: "C_N-DOUBLE1_O-SINGLE1". Of a bond: its order,
the elements of its ends, and how often each (order, element of the shared end) is beside it.
k > 1, of an atom: its context for k - 1, and how often each (bond order, context for k - 1) neighbours it. Of a bond: its order and the
contexts of its two ends for k - 1.

A context is a multiset, so the sum of one large random number for each member identifies it; the class is that sum modulo
the number of classes. Source: GROVER (arXiv 2007.02835), whose paper has k hops and whose code one; it lists the contexts of a corpus
instead: no vocabulary has to be built or shipped here, but rare contexts may share a class.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES
from hooke.nn.graphs.heads import first_edges

_ELEMENTS, _ORDERS = ATOM_VOCABULARIES[0].size, BOND_VOCABULARIES[0].size
_NUMBERS = np.random.default_rng(2007_02835).integers(0, 1 << 40, (5, _ELEMENTS, _ORDERS))
_STIR = 0x9E3779B97F4A7C15 - (1 << 64)  # odd; products wrap around in 64 bits


def _number(kind: int, elements: Tensor, orders: Tensor | int = 0) -> Tensor:
    return torch.from_numpy(_NUMBERS[kind]).to(elements.device)[elements, orders]


def atom_contexts(batch: MoleculeBatch, classes: int, hops: int = 1) -> Int[Tensor, " nodes"]:
    """The class of each atom, 0 ... classes - 1."""
    return _of_atoms(batch, hops) % classes


def bond_contexts(batch: MoleculeBatch, classes: int, hops: int = 1) -> Int[Tensor, " bonds"]:
    """The class of each bond, 0 ... classes - 1, in the order of edge-level labels."""
    one_end = _of_bond_ends(batch) if hops == 1 else _pairs(batch, _of_atoms(batch, hops - 1)[batch.edge_index[1]])
    first = first_edges(batch)
    return (one_end[first] + one_end[batch.edge_reverse[first]]) % classes


def _of_atoms(batch: MoleculeBatch, hops: int) -> Int[Tensor, " nodes"]:
    """The number of each atom's context."""
    elements, orders = batch.atom_codes[:, 0], batch.edge_codes[:, 0]
    source, destination = batch.edge_index
    found = _number(0, elements)
    found = found.index_add(0, destination, _number(1, elements[source], orders))
    for _ in range(hops - 1):
        found = found.index_add(0, destination, _pairs(batch, found[source]))
    return found


def _of_bond_ends(batch: MoleculeBatch) -> Int[Tensor, " edges"]:
    """The number of what a bond has at the end it arrives at, for one hop."""
    elements, orders = batch.atom_codes[:, 0], batch.edge_codes[:, 0]
    destination = batch.edge_index[1]
    mine = _number(2, elements[destination], orders)
    at_atom = torch.zeros_like(elements).index_add_(0, destination, mine)
    return _number(3, elements[destination], orders) + at_atom[destination] - mine


def _pairs(batch: MoleculeBatch, contexts: Int[Tensor, " edges"]) -> Int[Tensor, " edges"]:
    """A number for each (bond order, context); stirred, so that sums of them tell which order went with which context."""
    stirred = (contexts + _number(4, batch.edge_codes[:, 0])) * _STIR
    return (stirred ^ (stirred >> 31)) * _STIR

"""The chemical context of an atom or bond as a class number: what stands one bond away, with how many of each.

Of an atom: its element, and how often each (element, bond order) neighbours it: "C_N-DOUBLE1_O-SINGLE1". Of a bond: its order, the
elements of its ends, and how often each (order, element of the shared end) is beside it.

A context is a multiset, so the sum of one large random number for each member identifies it; the class is that sum modulo
the number of classes. Source: GROVER (arXiv 2007.02835), which lists the contexts of a corpus instead: no vocabulary has to be
built or shipped here, but rare contexts may share a class.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES
from hooke.nn.heads import first_edges

_ELEMENTS, _ORDERS = ATOM_VOCABULARIES[0].size, BOND_VOCABULARIES[0].size
_NUMBERS = np.random.default_rng(2007_02835).integers(0, 1 << 40, (4, _ELEMENTS, _ORDERS))


def _number(kind: int, elements: Tensor, orders: Tensor | int = 0) -> Tensor:
    return torch.from_numpy(_NUMBERS[kind]).to(elements.device)[elements, orders]


def atom_contexts(batch: MoleculeBatch, classes: int) -> Int[Tensor, " nodes"]:
    """The class of each atom, 0 ... classes - 1."""
    elements, orders = batch.atom_codes[:, 0], batch.edge_codes[:, 0]
    source, destination = batch.edge_index
    around = torch.zeros_like(elements).index_add_(0, destination, _number(1, elements[source], orders))
    return (_number(0, elements) + around) % classes


def bond_contexts(batch: MoleculeBatch, classes: int) -> Int[Tensor, " bonds"]:
    """The class of each bond, 0 ... classes - 1, in the order of edge-level labels."""
    elements, orders = batch.atom_codes[:, 0], batch.edge_codes[:, 0]
    destination = batch.edge_index[1]
    mine = _number(2, elements[destination], orders)  # of a bond, seen at the end it arrives at
    at_atom = torch.zeros_like(elements).index_add_(0, destination, mine)
    one_end = _number(3, elements[destination], orders) + at_atom[destination] - mine
    first = first_edges(batch)
    return (one_end[first] + one_end[batch.edge_reverse[first]]) % classes

"""Hiding and changing the codes of atoms and bonds, and predicting what they were.

A hidden code is the out-of-vocabulary code of its column; both directions of a bond are always treated alike. ATOM_SIZES are those of the
newest version of the codes (`molecules.vocabulary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES, FEATURES, atom_vocabularies
from hooke.nn.graphs.heads import Head, first_edges
from hooke.nn.item_noise import item_uniform

ATOM_SIZES = tuple(vocabulary.size for vocabulary in ATOM_VOCABULARIES)
BOND_SIZES = tuple(vocabulary.size for vocabulary in BOND_VOCABULARIES)


def atom_sizes(batch: MoleculeBatch) -> tuple[int, ...]:
    """Sizes of the vocabularies of a batch's atom columns."""
    return ATOM_SIZES[: batch.atom_codes.shape[1]]


def bond_codes(batch: MoleculeBatch) -> Int[Tensor, "bonds bond_columns"]:
    """The codes of each bond, in the order of edge-level labels."""
    return batch.edge_codes[first_edges(batch)]


def with_codes(
    batch: MoleculeBatch, atoms: Int[Tensor, "nodes atom_columns"], bonds: Int[Tensor, "bonds bond_columns"]
) -> MoleculeBatch:
    """The batch with other codes of atoms and bonds."""
    return replace(batch, atom_codes=atoms, edge_codes=bonds[batch.edge_bond])


def hide(batch: MoleculeBatch, atoms: Bool[Tensor, " nodes"], bonds: Bool[Tensor, " bonds"]) -> MoleculeBatch:
    """The batch with all codes of some atoms and bonds hidden."""
    sizes_of_both = (atom_sizes(batch), BOND_SIZES)
    unknown = [torch.tensor([size - 1 for size in sizes], device=atoms.device) for sizes in sizes_of_both]
    return with_codes(
        batch,
        torch.where(atoms[:, None], unknown[0], batch.atom_codes),
        torch.where(bonds[:, None], unknown[1], bond_codes(batch)),
    )


def drawn(batch: MoleculeBatch, axis: str, probability: float, generator: torch.Generator) -> Bool[Tensor, " items"]:
    """Each of a batch's atoms, bonds ... with this probability."""
    return item_uniform(batch, axis, 1, generator).squeeze(1) < probability


def changed(
    codes: Int[Tensor, "items columns"],
    sizes: Sequence[int],
    probability: float,
    draws: Float[Tensor, "items double_columns"],
) -> Int[Tensor, "items columns"]:
    """Each single code replaced, with this probability, by any known value of its column, all equally likely.

    Args:
        codes: Of atoms or bonds.
        sizes: Of the columns' vocabularies.
        probability: Of each code.
        draws: Uniform in [0, 1): which codes, then by what.
    """
    which, what = draws.split(codes.shape[1], dim=1)
    known = torch.tensor([size - 1 for size in sizes], device=codes.device)
    return torch.where(which < probability, (what * known).long(), codes)


def code_losses(
    logits: Float[Tensor, "items outputs"], codes: Int[Tensor, "items columns"], sizes: Sequence[int]
) -> Float[Tensor, " items"]:
    """Cross-entropy of each item's codes, the mean over its columns."""
    parts = logits.to(torch.promote_types(logits.dtype, torch.float32)).split(list(sizes), dim=1)
    columns = [functional.cross_entropy(part, codes[:, column], reduction="none") for column, part in enumerate(parts)]
    return torch.stack(columns).mean(0)


def code_heads(encoder: nn.Module, features: int = FEATURES) -> dict[str, Head]:
    """A head for the codes of atoms ("atoms") in a version and one for those of bonds ("bonds")."""
    atoms = sum(vocabulary.size for vocabulary in atom_vocabularies(features))
    widths = (int(encoder.node_width), int(encoder.edge_width), int(encoder.graph_width))  # type: ignore[arg-type]
    return {
        "atoms": Head("node", widths, outputs=atoms, labels=0),
        "bonds": Head("edge", widths, outputs=sum(BOND_SIZES), labels=0),
    }

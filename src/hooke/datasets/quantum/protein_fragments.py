"""Protein fragments: bottom-up and top-down fragments for potentials of proteins."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="protein_fragments",
    title="Protein fragments (GEMS)",
    description="Fragments of proteins, solvated ones among them, with energies and forces.",
    modality="atoms",
    source="arXiv:2205.08306",
    licence="unconfirmed",
    citation="protein_fragments",
    size="unconfirmed",
    levels=("frame", "atom"),
    facts=Facts(
        force_unit=UNCONFIRMED,
        derivative=UNCONFIRMED,
        force_methods=(UNCONFIRMED,),
    ),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="stated per frame",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

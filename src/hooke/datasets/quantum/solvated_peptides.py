"""Solvated protein fragments: amons of proteins with water."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="solvated_peptides",
    title="Solvated protein fragments",
    description="Fragments of proteins with water molecules around them, with energies and forces.",
    modality="atoms",
    source="doi:10.1021/acs.jctc.9b00181 (zenodo.org/record/2605372)",
    licence="unconfirmed",
    citation="solvated_peptides",
    size="2,731,180 geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        force_unit=UNCONFIRMED,
        derivative=UNCONFIRMED,
        force_methods=(UNCONFIRMED,),
    ),
    layout="npz, padded: N atoms of each frame, Z (frames, atoms), R, E, F, Q the total charge",
    e0="none known",
    charges="stated per frame",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="Z", positions="R", energies=("E",), forces=("F",), charge="Q")
    suffix = ".npz"

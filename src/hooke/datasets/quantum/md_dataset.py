"""MD dataset: trajectories that catalogues list beside the protein fragments."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="md_dataset",
    title="MD dataset of protein fragments",
    description=("Trajectories from molecular dynamics with energies and forces; which they are is not confirmed."),
    modality="atoms",
    source="unconfirmed",
    licence="unconfirmed",
    citation="",
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

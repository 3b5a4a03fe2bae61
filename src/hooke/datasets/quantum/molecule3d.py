"""Molecule3D: ground-state geometries of PubChemQC."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="molecule3d",
    title="Molecule3D: ground states of PubChemQC",
    description="Ground-state geometries of 3.9 million molecules with properties of their orbitals.",
    modality="atoms",
    source="arXiv:2110.01717",
    licence="unconfirmed",
    citation="molecule3d",
    size="3,899,647 molecules (quoted)",
    levels=("frame", "atom"),
    facts=Facts(),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

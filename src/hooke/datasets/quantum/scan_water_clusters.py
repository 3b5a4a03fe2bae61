"""Water clusters by the SCAN functional."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="scan_water_clusters",
    title="Water clusters by SCAN",
    description="Clusters of water with energies by density functional theory.",
    modality="atoms",
    source="unconfirmed",
    licence="unconfirmed",
    citation="",
    size="unconfirmed",
    levels=("frame", "atom"),
    facts=Facts(),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

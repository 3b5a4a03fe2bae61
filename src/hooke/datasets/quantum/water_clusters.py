"""Water clusters: putative minima of 3 to 25 water molecules."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="water_clusters",
    title="Water clusters",
    description="Networks of clusters of water by a polarisable force field.",
    modality="atoms",
    source="doi:10.1063/1.5128378",
    licence="unconfirmed",
    citation="water_clusters",
    size="4,464,740 geometries (quoted)",
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

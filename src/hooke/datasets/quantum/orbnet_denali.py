"""OrbNet Denali: conformations, tautomers, protonation states and salts of drug-like molecules."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="orbnet_denali",
    title="OrbNet Denali: training data",
    description=(
        "Geometries of molecules, charged ones among them, with energies by density functional theory and a "
        "tight-binding method."
    ),
    modality="atoms",
    source="arXiv:2107.00299",
    licence="unconfirmed",
    citation="orbnet_denali",
    size="212,905 molecules, 2.3 million geometries (quoted)",
    levels=("frame", "atom"),
    notes="It holds ions and salts: the charge of each frame is needed.",
    facts=Facts(),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="stated per frame",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

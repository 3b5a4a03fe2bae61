"""ANI-2x: the ANI sets extended to fluorine, chlorine and sulfur."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="ani2x",
    title="ANI-2x: with F, Cl and S",
    description="Conformations of molecules of H, C, N, O, F, Cl and S with energies and forces.",
    modality="atoms",
    source="doi:10.1021/acs.jctc.0c00121",
    licence="unconfirmed",
    citation="ani2x",
    size="about 8.9 million geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        force_unit=UNCONFIRMED,
        derivative=UNCONFIRMED,
        force_methods=(UNCONFIRMED,),
    ),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

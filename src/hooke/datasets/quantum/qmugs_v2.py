"""QMugs, second version in the catalogues: what changed against the first is not confirmed."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="qmugs_v2",
    title="QMugs, second version",
    description="The conformers of QMugs as catalogued a second time; read the change before mixing both.",
    modality="atoms",
    source="doi:10.1038/s41597-022-01390-7",
    licence="unconfirmed",
    citation="qmugs",
    size="665,000 molecules, 2 million geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        length_unit="angstrom",
    ),
    layout="SD files with the energies as tags, whose names are unconfirmed",
    e0="none known",
    charges="neutral",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

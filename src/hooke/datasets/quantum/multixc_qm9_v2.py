"""MultiXC-QM9, second version in the catalogues: what changed against the first is not confirmed."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="multixc_qm9_v2",
    title="MultiXC-QM9, second version",
    description="The energies of MultiXC-QM9 as catalogued a second time; read the change before mixing both.",
    modality="atoms",
    source="doi:10.1038/s41597-023-02690-2",
    licence="unconfirmed",
    citation="multixc_qm9",
    size="about 134,000 molecules (quoted)",
    levels=("frame", "atom"),
    facts=Facts(),
    layout=(
        "tables of energies beside geometries, to be joined: unconfirmed: state the columns of your own files; a "
        "twin is extended XYZ"
    ),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

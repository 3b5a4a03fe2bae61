"""MultiXC-QM9: the molecules and reactions of QM9 by many functionals and basis sets."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="multixc_qm9",
    title="MultiXC-QM9: many functionals",
    description="Energies of the molecules of QM9 by 76 functionals in three basis sets and by GFN2.",
    modality="atoms",
    source="doi:10.1038/s41597-023-02690-2 (github.com/chemsurajit/largeDFTdata)",
    licence="unconfirmed",
    citation="multixc_qm9",
    size="about 134,000 molecules (quoted)",
    levels=("frame", "atom"),
    notes=(
        "Its energies are not total energies; what they refer to differs between its columns "
        "(chemsurajit/largeDFTdata, issue 2)."
    ),
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

"""QM7b: the molecules of QM7 and chlorine, with fourteen properties."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="qm7b",
    title="QM7b: fourteen properties",
    description="Molecules of up to seven heavy atoms with properties of several methods.",
    modality="atoms",
    source="doi:10.1088/1367-2630/15/9/095003 (quantum-machine.org)",
    licence="unconfirmed",
    citation="qm7b",
    size="7,211 molecules (quoted)",
    levels=("frame", "atom"),
    notes="The published file has no positions.",
    facts=Facts(),
    layout=(
        "MATLAB file, which holds Coulomb matrices instead of geometries: unconfirmed: state the columns of your "
        "own files; a twin is extended XYZ"
    ),
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

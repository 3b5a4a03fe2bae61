"""X40: forty complexes of halogenated molecules."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="x40",
    title="X40: halogenated complexes",
    description="Forty complexes of halogenated molecules with benchmark interaction energies.",
    modality="atoms",
    source="doi:10.1021/ct300647k",
    licence="unconfirmed",
    citation="x40",
    size="40 geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_kind="interaction",
    ),
    layout=(
        "unconfirmed; in extended XYZ the monomers of a dimer are selection_a, selection_b (1-12), charge_a and "
        "charge_b"
    ),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(monomers=("selection_a", "selection_b", "charge_a", "charge_b"))

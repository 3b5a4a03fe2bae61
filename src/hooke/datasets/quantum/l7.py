"""L7: seven large complexes bound by dispersion."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="l7",
    title="L7: large complexes",
    description="Seven complexes of 48 to 112 atoms with benchmark interaction energies.",
    modality="atoms",
    source="doi:10.1021/ct400036b",
    licence="unconfirmed",
    citation="l7",
    size="7 geometries (quoted)",
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

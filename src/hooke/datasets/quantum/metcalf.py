"""Metcalf: hydrogen-bonded dimers of N-methylacetamide with terms of SAPT."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="metcalf",
    title="Metcalf: dimers with terms of SAPT",
    description="Dimers of N-methylacetamide and aniline derivatives with interaction energies in terms.",
    modality="atoms",
    source="doi:10.1063/1.5142636",
    licence="unconfirmed",
    citation="metcalf",
    size="unconfirmed",
    levels=("frame", "atom"),
    facts=Facts(
        energy_kind="interaction",
    ),
    layout=(
        "unconfirmed; in extended XYZ the monomers of a dimer are selection_a, selection_b (1-12), charge_a and "
        "charge_b"
    ),
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(monomers=("selection_a", "selection_b", "charge_a", "charge_b"))

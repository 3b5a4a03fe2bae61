"""DES370K: 370,000 dimers by coupled cluster."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="des370k",
    title="DES370K: coupled-cluster interaction energies",
    description="Dimers of 3,700 pairs of small molecules and ions with interaction energies of CCSD(T).",
    modality="atoms",
    source="doi:10.1038/s41597-021-00833-x",
    licence="unconfirmed",
    citation="des5m",
    size="3,700 dimers, 370,000 geometries (quoted)",
    levels=("frame", "atom"),
    notes=(
        "The published tables hold the terms of SAPT too; name their columns as methods with a term: "
        "sapt0/aug-cc-pwcvxz#exchange."
    ),
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        energy_kind="interaction",
        methods=("ccsd(t)/cbs",),
    ),
    layout=(
        "unconfirmed; in extended XYZ the monomers of a dimer are selection_a, selection_b (1-12), charge_a and "
        "charge_b"
    ),
    e0="none known",
    charges="stated per frame",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(monomers=("selection_a", "selection_b", "charge_a", "charge_b"))

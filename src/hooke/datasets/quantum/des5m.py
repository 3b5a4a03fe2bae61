"""DES5M: five million dimers by SNS-MP2."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="des5m",
    title="DES5M: interaction energies of dimers",
    description=("Dimers of small molecules and ions with interaction energies by a corrected perturbation theory."),
    modality="atoms",
    source="doi:10.1038/s41597-021-00833-x",
    licence="unconfirmed",
    citation="des5m",
    size="5 million geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        energy_kind="interaction",
        methods=("sns-mp2",),
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

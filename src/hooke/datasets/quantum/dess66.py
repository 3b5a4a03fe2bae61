"""DESS66: the S66 dimers in the form of the DES sets."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="dess66",
    title="DESS66: the S66 dimers",
    description="The 66 dimers of S66 with interaction energies of the DES sets.",
    modality="atoms",
    source="doi:10.1038/s41597-021-00833-x",
    licence="unconfirmed",
    citation="des5m",
    size="66 geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
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

"""GDML: molecular dynamics of small molecules, the sets of gradient-domain machine learning."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="gdml",
    title="GDML: MD17 and its successors",
    description=(
        "Trajectories of single molecules with energies and forces; the method differs from molecule to molecule."
    ),
    modality="atoms",
    source="quantum-machine.org/gdml, doi:10.1126/sciadv.1603015",
    licence="unconfirmed",
    citation="gdml",
    size="about 10 molecules, millions of geometries (quoted)",
    levels=("frame", "atom"),
    notes=("State the method of the molecule that you read: pbe-ts (the ten of MD17) or coupled cluster."),
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        force_unit="kcal/mol/angstrom",
        derivative="force",
        energy_kind="total",
        force_methods=(UNCONFIRMED,),
    ),
    layout="npz a molecule: z (atoms), R (frames, atoms, 3), E (frames), F (frames, atoms, 3)",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="z", positions="R", energies=("E",), forces=("F",))
    suffix = ".npz"

"""MD22: dynamics of peptides, sugars, nucleic acids and nanotubes."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="md22",
    title="MD22: large molecules",
    description="Trajectories of seven systems of 42 to 370 atoms with energies and forces.",
    modality="atoms",
    source="quantum-machine.org/gdml, doi:10.1126/sciadv.adf0873",
    licence="unconfirmed",
    citation="md22",
    size="7 systems; the tetrapeptide has 85,109 geometries (quoted)",
    levels=("frame", "atom"),
    notes=(
        "Energies and forces are in kcal/mol, as NequIP (nequip.data.datamodule.MD22DataModule) reads them; lengths and method stand in no "
        "text read here."
    ),
    facts=Facts(
        energy_unit="kcal/mol",
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

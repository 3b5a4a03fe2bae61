"""ISO17: dynamics of 129 isomers of C7H10O2."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="iso17",
    title="ISO17: isomers of C7H10O2",
    description=(
        "Trajectories of isomers with energies and forces, to test potentials on isomers that they have not seen."
    ),
    modality="atoms",
    source="quantum-machine.org/datasets, arXiv:1706.08566",
    licence="CC0-1.0 (huggingface.co/datasets/colabfit/ISO17_NC_2017)",
    citation="iso17",
    size="129 molecules, 645,000 geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="eV",
        length_unit="angstrom",
        force_unit="eV/angstrom",
        derivative="force",
        energy_kind="total",
        force_methods=(UNCONFIRMED,),
    ),
    layout="ASE databases with the columns total_energy and atomic_forces, one a fold",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(energies=("total_energy",), forces=("atomic_forces",))
    suffix = ".db"

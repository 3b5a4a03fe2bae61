"""MACE-OFF: what the MACE-OFF23 potentials were trained on, most of it from SPICE."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="maceoff",
    title="MACE-OFF23: training data",
    description=(
        "Frames from SPICE, QMugs, COMP6 and clusters of liquid water, neutral and of ten elements, with energies "
        "and forces."
    ),
    modality="atoms",
    source="arXiv:2312.15211 (repository.cam.ac.uk)",
    licence="unconfirmed",
    citation="maceoff",
    size="about 100,000 molecules, most of SPICE's conformations (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="eV",
        length_unit="angstrom",
        force_unit="eV/angstrom",
        derivative="force",
        methods=("wb97m-d3(bj)/def2-tzvppd",),
        force_methods=("wb97m-d3(bj)/def2-tzvppd",),
    ),
    layout="extended XYZ: energy in the comment, forces as columns",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(energies=("energy",), forces=("forces",))

"""NablaDFT: conformations of drug-like molecules of MOSES, with Hamiltonians."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="nabladft",
    title="NablaDFT: drug-like conformations",
    description=(
        "Conformations of drug-like molecules with energies; the set's own files hold Hamiltonian and overlap "
        "matrices too."
    ),
    modality="atoms",
    source="doi:10.1039/D2CP03966D, arXiv:2406.14347",
    licence="MIT (repository AIRI-Institute/nablaDFT); terms of the files unconfirmed",
    citation="nabladft",
    size="version 2: 1,936,931 molecules, 12,676,264 geometries; version 1: 1 and 5 million (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="hartree",
        length_unit="bohr",
        methods=("wb97x-d/def2-svp",),
    ),
    layout=(
        "ASE databases of energies; the names of version 2 call them formation energies; the columns are unconfirmed: state those of "
        "your own files; a twin is extended XYZ"
    ),
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

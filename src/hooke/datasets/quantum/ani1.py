"""ANI-1: off-equilibrium conformations of molecules of up to eight heavy atoms, by normal-mode sampling."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="ani1",
    title="ANI-1: 20 million conformations",
    description=(
        "Conformations of molecules of H, C, N and O with total energies by density functional theory; no forces."
    ),
    modality="atoms",
    source="doi:10.1038/sdata.2017.193 (figshare 9057631)",
    licence="MIT (repository isayev/ANI1_dataset); terms of the files unconfirmed",
    citation="ani1",
    size="57,462 molecules, 20 million geometries (quoted)",
    levels=("frame", "atom"),
    notes=(
        "A catalogue gives bohr for its lengths; the README of isayev/ANI1_dataset says Å and hartree. It states energies of the atoms: "
        "H -0.500607632585, C -37.8302333826, N -54.5680045287, O -75.0362229210 hartree."
    ),
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
        energy_kind="total",
        methods=("wb97x/6-31g(d)",),
    ),
    layout=(
        "HDF5: in a group of each file, a group a molecule with species (atoms), coordinates (conformations, "
        "atoms, 3) and energies"
    ),
    e0="H, C, N, O in the README of isayev/ANI1_dataset; not in the files",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="species", positions="coordinates", energies=("energies",))
    suffix = ".h5"

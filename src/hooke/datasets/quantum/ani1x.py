"""ANI-1x: conformations chosen by active learning, with energies and forces."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="ani1x",
    title="ANI-1x: actively chosen conformations",
    description=(
        "Conformations of molecules of H, C, N and O that an ensemble of potentials disagreed on, with energies "
        "and forces."
    ),
    modality="atoms",
    source="doi:10.1038/s41597-020-0473-z (figshare 18112775)",
    licence="CC0-1.0 (huggingface.co/datasets/OneScience-Group/ani1x); repository aiqm/ANI1x_datasets: MIT",
    citation="ani1x",
    size="about 5 million geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
        force_unit="hartree/angstrom",
        derivative="force",
        energy_kind="total",
        methods=("wb97x/6-31g(d)",),
        force_methods=("wb97x/6-31g(d)",),
    ),
    layout=(
        "HDF5: a group a formula with atomic_numbers, coordinates (conformations, atoms, 3), wb97x_dz.energy, "
        "wb97x_dz.forces and further methods; NaN where not computed"
    ),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(
        numbers="atomic_numbers", positions="coordinates", energies=("wb97x_dz.energy",), forces=("wb97x_dz.forces",)
    )
    suffix = ".h5"

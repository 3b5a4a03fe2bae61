"""SPICE 2: more molecules, solvated amino acids and silicon and boron."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="spice_v2",
    title="SPICE 2",
    description="The second release of SPICE, in the layout of the first; its files state their units.",
    modality="atoms",
    source="github.com/openmm/spice-dataset",
    licence="CC0-1.0 (data); MIT (repository)",
    citation="spice",
    size="113,999 molecules and clusters, 2,008,628 geometries (quoted)",
    levels=("frame", "atom"),
    notes="Units are taken from the attributes of the files.",
    facts=Facts(
        force_unit=UNCONFIRMED,
        derivative="gradient",
        energy_kind="total",
        methods=("wb97m-d3(bj)/def2-tzvppd",),
        force_methods=("wb97m-d3(bj)/def2-tzvppd",),
    ),
    layout=(
        "HDF5: a group a molecule with smiles (mapped), atomic_numbers, conformations (conformations, atoms, 3), "
        "dft_total_energy, dft_total_gradient and subset; units as attributes"
    ),
    e0="none known",
    charges="from the mapped SMILES",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(
        numbers="atomic_numbers",
        positions="conformations",
        energies=("dft_total_energy",),
        forces=("dft_total_gradient",),
        smiles="smiles",
        atom_order="map",
    )
    suffix = ".hdf5"

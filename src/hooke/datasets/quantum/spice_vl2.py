"""SPICE 2, the large version in the catalogues: which files it consists of is not confirmed."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="spice_vl2",
    title="SPICE 2, large version",
    description="A larger collection in the layout of SPICE as catalogued; its files state their units.",
    modality="atoms",
    source="github.com/openmm/spice-dataset",
    licence="unconfirmed",
    citation="spice",
    size="unconfirmed",
    levels=("frame", "atom"),
    facts=Facts(
        force_unit=UNCONFIRMED,
        derivative=UNCONFIRMED,
        force_methods=(UNCONFIRMED,),
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

"""SPICE: small molecules, dimers, dipeptides and ion pairs for potentials of drugs and proteins."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset, mirrored

__all__ = ["CARD", "Config", "Dataset"]

_FILES = mirrored(
    "quantum/spice",
    {
        "des-monomers": ("6815d51e0cf91237b636490183c7e023269d06f8edfa66b83a3c22e0f96348ca", 3617152),
        "amino-acid-ligand-test": ("bcea5fe59077834c92de9f46059a019ffd1bf1ae22a0ce82414ef4fc108df349", 1692984),
        "ions": ("66c9a21d3faf4a2b4e80a69769d2fd8f3d675d777ab3643eed7509d472786ca7", 101944),
    },
    ".hdf5",
)
CARD = QuantumCard(
    name="spice",
    title="SPICE: drug-like molecules and peptides",
    description=(
        "Conformations of molecules, charged ones among them, with energies and gradients; the mirror holds "
        "geometries alone."
    ),
    modality="atoms",
    source="github.com/openmm/spice-dataset, doi:10.1038/s41597-022-01882-6",
    licence="CC0-1.0 (data); MIT (repository)",
    citation="spice",
    size="19,238 molecules, 1,132,808 geometries (quoted)",
    levels=("frame", "atom"),
    files=(*_FILES.values(),),
    split="by its parts: parts=des-monomers",
    notes=(
        "The repository's files of geometries have no energies and are in nanometres; releases are in bohr, and "
        "both say so in the attribute `units`. Atom k has map number k of the SMILES, whatever its place in it. "
        "Energies by the downloader lack the dispersion of the releases (issue 50)."
    ),
    facts=Facts(
        energy_unit="hartree",
        length_unit="bohr",
        force_unit="hartree/bohr",
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
    spins="closed shell",
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
    parts = _FILES

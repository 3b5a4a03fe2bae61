"""QM7-X: equilibrium and displaced structures of molecules of up to seven heavy atoms, with 42 properties."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.core.cards import RemoteFile
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

_FILES = {
    "sample": RemoteFile(
        "metatrain_qm7x_reduced_100.xyz.gz",
        "",
        "0418dc2558467a564197cd4acc5412efe27f5ac5416f5767cfe796ae67d226db",
        "quantum/samples/metatrain_qm7x_reduced_100.xyz.gz",
        24270,
    ),
}
CARD = QuantumCard(
    name="qm7x",
    title="QM7-X: 42 properties of small molecules",
    description=(
        "Isomers, stereoisomers and conformers of molecules of C, N, O, S and Cl with up to seven heavy atoms, "
        "each with 100 displaced structures."
    ),
    modality="atoms",
    source="doi:10.1038/s41597-021-00812-2 (zenodo.org/record/4288677)",
    licence="unconfirmed",
    citation="qm7x",
    size="6,950 molecules, 4,195,237 geometries (quoted)",
    levels=("frame", "atom"),
    files=(*_FILES.values(),),
    notes="The mirror's sample is 100 geometries without energies (BSD-3-Clause, metatensor/metatrain).",
    facts=Facts(
        energy_unit="eV",
        length_unit="angstrom",
        force_unit="eV/angstrom",
        derivative="force",
        energy_kind="total",
        methods=("pbe0-mbd",),
        force_methods=("pbe0-mbd",),
    ),
    layout=(
        "HDF5, packed by xz: a group a molecule, in it one a structure with atNUM (atoms), atXYZ (atoms, 3), "
        "ePBE0+MBD, totFOR; unpack them before reading"
    ),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="atNUM", positions="atXYZ", energies=("ePBE0+MBD",), forces=("totFOR",))
    suffix = ".hdf5"
    parts = _FILES

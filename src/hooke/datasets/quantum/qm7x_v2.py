"""QM7-X, second version in the catalogues: what changed against the first is not confirmed."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="qm7x_v2",
    title="QM7-X, second version",
    description="The structures of QM7-X as catalogued a second time; read the change before mixing both.",
    modality="atoms",
    source="doi:10.1038/s41597-021-00812-2",
    licence="unconfirmed",
    citation="qm7x",
    size="6,950 molecules, 4.2 million geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        length_unit="angstrom",
        force_unit=UNCONFIRMED,
        derivative=UNCONFIRMED,
        methods=("pbe0-mbd",),
        force_methods=("pbe0-mbd",),
    ),
    layout="HDF5 as QM7-X, unless stated otherwise",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="atNUM", positions="atXYZ", energies=("ePBE0+MBD",), forces=("totFOR",))
    suffix = ".hdf5"

"""ANI-1ccx, second version in the catalogues: what changed against the first is not confirmed."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="ani1ccx_v2",
    title="ANI-1ccx, second version",
    description=("The conformations of ANI-1ccx as catalogued a second time; read the change before mixing both."),
    modality="atoms",
    source="doi:10.1038/s41597-020-0473-z",
    licence="unconfirmed",
    citation="ani1x",
    size="about 500,000 geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        methods=("ccsd(t)/cbs",),
    ),
    layout="HDF5 as ANI-1ccx, unless stated otherwise",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="atomic_numbers", positions="coordinates", energies=("ccsd(t)_cbs.energy",))
    suffix = ".h5"

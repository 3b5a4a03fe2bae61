"""ANI-1ccx: the part of ANI-1x that was computed again by coupled cluster at the basis-set limit."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="ani1ccx",
    title="ANI-1ccx: coupled-cluster energies",
    description=("Conformations of ANI-1x with energies of CCSD(T) extrapolated to the complete basis; no forces."),
    modality="atoms",
    source="doi:10.1038/s41597-020-0473-z (figshare 18112775)",
    licence="CC0-1.0 (huggingface.co/datasets/OneScience-Group/ani1x); repository aiqm/ANI1x_datasets: MIT",
    citation="ani1x",
    size="about 500,000 geometries (quoted)",
    levels=("frame", "atom"),
    notes=("Conformations without a coupled-cluster energy are kept as frames whose energy was not computed."),
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
        energy_kind="total",
        methods=("ccsd(t)/cbs",),
    ),
    layout="HDF5, the file of ANI-1x: ccsd(t)_cbs.energy; NaN where not computed",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="atomic_numbers", positions="coordinates", energies=("ccsd(t)_cbs.energy",))
    suffix = ".h5"

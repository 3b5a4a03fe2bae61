"""Revised MD17: the trajectories of MD17 computed again with tight settings."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="revmd17",
    title="Revised MD17",
    description="100,000 geometries of each of ten small molecules with energies and forces.",
    modality="atoms",
    source="doi:10.1088/2632-2153/abba6f (figshare 12672038)",
    licence="CC0-1.0 (huggingface.co/datasets/colabfit/rMD17)",
    citation="revmd17",
    size="10 molecules, 100,000 geometries each (quoted)",
    levels=("frame", "atom"),
    split="five published pairs of 1,000 frames, in files of their own",
    notes="Frames follow one another in time: a random split puts neighbours into train and test.",
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        force_unit="kcal/mol/angstrom",
        derivative="force",
        energy_kind="total",
        methods=("pbe/def2-svp",),
        force_methods=("pbe/def2-svp",),
    ),
    layout="npz a molecule: nuclear_charges (atoms), coords (frames, atoms, 3), energies, forces",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="nuclear_charges", positions="coords", energies=("energies",), forces=("forces",))
    suffix = ".npz"

"""Transition1x: paths of organic reactions by the nudged elastic band."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="transition1x",
    title="Transition1x: reaction paths",
    description="Structures along the paths of 10,000 organic reactions, with energies and forces.",
    modality="atoms",
    source="doi:10.1038/s41597-022-01870-w (gitlab.com/matschreiner/Transition1x)",
    licence="MIT (huggingface.co/datasets/colabfit/Transition1x_train)",
    citation="transition1x",
    size="9,654,813 geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="eV",
        length_unit="angstrom",
        force_unit="eV/angstrom",
        derivative="force",
        energy_kind="total",
        methods=("wb97x/6-31g(d)",),
        force_methods=("wb97x/6-31g(d)",),
    ),
    layout=(
        "HDF5: a group a reaction with atomic_numbers, positions (frames, atoms, 3), wB97x_6-31G(d).energy and "
        ".forces; groups reactant, transition_state and product inside"
    ),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(
        numbers="atomic_numbers",
        positions="positions",
        energies=("wB97x_6-31G(d).energy",),
        forces=("wB97x_6-31G(d).forces",),
    )
    suffix = ".h5"

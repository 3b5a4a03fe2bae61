"""SN2 reactions: methyl halides with halide anions, far from equilibrium."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="sn2rxn",
    title="SN2 reactions of methyl halides",
    description="Structures along the reactions of methyl halides with halide ions, with energies and forces.",
    modality="atoms",
    source="doi:10.1021/acs.jctc.9b00181 (zenodo.org/record/2605341)",
    licence="unconfirmed",
    citation="sn2rxn",
    size="39 systems, 452,709 geometries (quoted)",
    levels=("frame", "atom"),
    notes=(
        "Lengths, charges and method are those of the README of the record; readers disagree about the sign of the derivative."
    ),
    facts=Facts(
        length_unit="angstrom",
        force_unit=UNCONFIRMED,
        derivative=UNCONFIRMED,
        methods=("dsd-blyp-d3(bj)/def2-tzvp",),
        force_methods=("dsd-blyp-d3(bj)/def2-tzvp",),
    ),
    layout="npz, padded: Z (frames, atoms), R, E, F, Q the total charge; unconfirmed",
    e0="none known",
    charges="stated per frame",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="Z", positions="R", energies=("E",), forces=("F",), charge="Q")
    suffix = ".npz"

"""VQM24: all molecules of up to five heavy atoms of nine elements."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="vqm24",
    title="VQM24: every small molecule",
    description=(
        "Conformers of all neutral closed-shell molecules of up to five heavy atoms of C, N, O, F, Si, P, S, Cl and Br."
    ),
    modality="atoms",
    source="arXiv:2405.05961",
    licence="unconfirmed",
    citation="vqm24",
    size="258,000 isomers, 577,000 conformers (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        methods=("wb97x-d3/cc-pvdz",),
    ),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

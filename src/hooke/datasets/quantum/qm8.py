"""QM8: electronic spectra of small molecules."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="qm8",
    title="QM8: electronic spectra",
    description=(
        "Energies and oscillator strengths of the lowest excited states of molecules of up to eight heavy atoms."
    ),
    modality="atoms",
    source="doi:10.1063/1.4928757",
    licence="unconfirmed",
    citation="qm8",
    size="21,786 molecules (quoted)",
    levels=("frame", "atom"),
    facts=Facts(),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

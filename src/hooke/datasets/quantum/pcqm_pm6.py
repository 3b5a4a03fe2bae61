"""PubChemQC PM6: geometries of the molecules of PubChem by a semi-empirical method."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="pcqm_pm6",
    title="PubChemQC: PM6 geometries",
    description="Geometries and electronic properties by PM6.",
    modality="atoms",
    source="doi:10.1021/acs.jcim.0c00740 (arXiv:1904.06046)",
    licence="CC-BY-4.0",
    citation="pcqm_pm6",
    size="221 million calculations on 92.9 % of 91.2 million molecules (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        methods=("pm6",),
    ),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="neutral molecules, cations and anions; which is not known of a file",
    spins="ground and spin-flipped states; which is not known of a file",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

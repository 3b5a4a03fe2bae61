"""PubChemQC B3LYP/6-31G*//PM6: 86 million molecules of PubChem."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="pcqm_b3lyp",
    title="PubChemQC: B3LYP energies on PM6 geometries",
    description="Single-point calculations on PM6 geometries of the molecules of PubChem.",
    modality="atoms",
    source="doi:10.1021/acs.jcim.3c00899",
    licence="CC-BY-4.0 (huggingface.co/datasets/molssiai-hub/pubchemqc-b3lyp)",
    citation="pcqm_b3lyp",
    size="85,938,443 molecules (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        methods=("b3lyp/6-31g(d)",),
    ),
    layout=(
        "files of GAMESS, JSON and PostgreSQL, none of which is read: state the columns of your own files; a twin is extended XYZ"
    ),
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

"""QMugs: drug-like molecules of ChEMBL, three conformers each."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="qmugs",
    title="QMugs: drug-like molecules",
    description=(
        "Conformers of molecules of ChEMBL with properties by a semi-empirical method and by density functional theory."
    ),
    modality="atoms",
    source="doi:10.1038/s41597-022-01390-7 (hdl:20.500.11850/482129)",
    licence="unconfirmed",
    citation="qmugs",
    size="665,000 molecules, 2 million geometries (quoted)",
    levels=("frame", "atom"),
    notes="Energies are by GFN2 and by wB97X-D/def2-SVP, on geometries by GFN2: state the methods of the tags that you name.",
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
    ),
    layout="SD files with the energies as tags, whose names are unconfirmed",
    e0="none known",
    charges="neutral",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

"""GEOM: conformers of drug-like molecules and of QM9, by CREST."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="geom",
    title="GEOM: 37 million conformers",
    description="Conformers with energies by GFN2-xTB; a part has energies of density functional theory.",
    modality="atoms",
    source="doi:10.1038/s41597-022-01288-4",
    licence="unconfirmed",
    citation="geom",
    size="450,000 molecules, 37 million geometries (quoted)",
    levels=("frame", "atom"),
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
        methods=("gfn2",),
    ),
    layout="published as pickles and MessagePack, which are not read: export extended XYZ",
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

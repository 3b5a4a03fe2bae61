"""Alchemy: organic molecules of up to 14 heavy atoms with properties of quantum chemistry."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="alchemy",
    title="Alchemy: molecules of GDB MedChem",
    description=("Equilibrium geometries of organic molecules with twelve properties, total energies among them."),
    modality="atoms",
    source="the authors of arXiv:1906.09427",
    licence="unconfirmed",
    citation="alchemy",
    size="119,487 molecules of up to 14 heavy atoms in the paper, more since (quoted)",
    levels=("frame", "atom"),
    notes=(
        "Catalogues of data sets have named its method wrongly: read it in the paper (summaries say B3LYP/6-31G(2df,p), by PySCF)."
    ),
    facts=Facts(),
    layout="unconfirmed: state the columns of your own files; a twin is extended XYZ",
    e0="none known",
    charges="unconfirmed",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

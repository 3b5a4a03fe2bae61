"""Splinter: dimers of fragments of proteins and ligands by SAPT0."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="splinter",
    title="Splinter: protein-ligand fragments",
    description=(
        "Dimers of fragments as they meet in proteins and ligands, random ones and minima, with the terms of SAPT0."
    ),
    modality="atoms",
    source="doi:10.1038/s41597-023-02443-1",
    licence="unconfirmed",
    citation="splinter",
    size="about 9,000 dimers, 1.6 million geometries (quoted)",
    levels=("frame", "atom"),
    notes="SAPT0 was computed in two basis sets: state the one that your file holds in a note of yours.",
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        energy_kind="interaction",
        methods=("sapt0#electrostatics", "sapt0#exchange", "sapt0#induction", "sapt0#dispersion", "sapt0"),
    ),
    layout=(
        "unconfirmed; in extended XYZ the monomers of a dimer are selection_a, selection_b (1-12), charge_a and "
        "charge_b"
    ),
    e0="none known",
    charges="stated per frame",
    spins="unconfirmed",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(monomers=("selection_a", "selection_b", "charge_a", "charge_b"))

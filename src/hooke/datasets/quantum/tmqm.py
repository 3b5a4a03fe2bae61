"""tmQM: complexes of transition metals from the Cambridge Structural Database."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="tmqm",
    title="tmQM: transition-metal complexes",
    description=(
        "Geometries of complexes with electronic and dispersion energies and properties of orbitals and charges."
    ),
    modality="atoms",
    source="github.com/uiocompcat/tmQM, doi:10.1021/acs.jcim.0c01041",
    licence="MIT (repository)",
    citation="tmqm",
    size="86,665 complexes; 108,000 in the release of 2024 (quoted)",
    levels=("frame", "atom"),
    notes=(
        "Single points by TPSSh-D3(BJ)/def2-TZVP on geometries by GFN2; Electronic_E lacks the dispersion, which is a column of its own."
    ),
    facts=Facts(
        energy_unit="hartree",
        length_unit="angstrom",
    ),
    layout=(
        "XYZ files and a table (CSD_code;Electronic_E;Dispersion_E;...), which have to be joined into extended XYZ"
    ),
    e0="none known",
    charges="stated per frame: -1, 0, 1",
    spins="closed-shell singlets",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD

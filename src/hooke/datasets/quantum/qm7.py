"""QM7: small molecules of GDB-13 with heats of formation."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.core.cards import RemoteFile
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

_FILES = {
    "qm7": RemoteFile(
        "qm7_geometries_7101.extxyz.gz",
        "",
        "aac67fb9b74d2788ccacd7845251c1d18d7eec5bd4a97f566b0c80c883668848",
        "quantum/qm7_geometries_7101.extxyz.gz",
        1579960,
    ),
}
CARD = QuantumCard(
    name="qm7",
    title="QM7: heats of formation",
    description=(
        "Geometries of molecules of up to seven heavy atoms of C, N, O and S with heats of formation by PBE0."
    ),
    modality="atoms",
    source="qmlcode/qml (tests/qm7 and hof_qm7.txt, packed), from doi:10.1103/PhysRevLett.108.058301",
    licence="MIT (qmlcode/qml); upstream terms unconfirmed",
    citation="qm7",
    size="7,101 molecules here (exact); 7,165 as published (quoted)",
    levels=("frame", "atom"),
    files=(*_FILES.values(),),
    notes="Its energies are heats of formation, no total energies: isolated atoms have no part in them.",
    facts=Facts(
        energy_unit="kcal/mol",
        length_unit="angstrom",
        energy_kind="heat of formation",
        methods=("pbe0",),
    ),
    layout="extended XYZ made of the repository's XYZ files: pbe0_hof_kcal in the comment",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(energies=("pbe0_hof_kcal",), name="id")
    parts = _FILES

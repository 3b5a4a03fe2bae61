"""QM1B: a billion conformers of molecules of 9 to 11 heavy atoms."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="qm1b",
    title="QM1B: a billion conformers",
    description="Conformers of molecules of GDB11 with energies, HOMO and LUMO by B3LYP/STO-3G; no forces.",
    modality="atoms",
    source="github.com/graphcore-research/pyscf-ipu (qm1b), arXiv:2311.01135",
    licence="unconfirmed (the repository is Apache-2.0)",
    citation="qm1b",
    size="1.09 million molecules, 1.07 billion geometries (quoted)",
    levels=("frame", "atom"),
    split="by SMILES; there is no test part",
    notes=(
        "Computed on grid level 0, whose offset changes between conformers by up to 0.1 eV: unfit for relative "
        "energies; y is the gap, std the spread of the last five energies. The authors say not to benchmark on "
        "it."
    ),
    facts=Facts(
        energy_unit="eV",
        length_unit="bohr",
        energy_kind="total",
        methods=("b3lyp/sto-3g",),
        properties=(("homo", "eV"), ("lumo", "eV"), ("std", "eV"), ("y", "eV")),
    ),
    layout=("Parquet: smile, atoms, z, energy, homo, lumo, N, std, y, pos; z and pos are lists of the atoms"),
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(
        numbers="z",
        positions="pos",
        energies=("energy",),
        properties=("homo", "lumo", "std", "y"),
        smiles="smile",
        name="smile",
    )
    suffix = ".parquet"

"""COMP6: six benchmarks of molecules larger than those that ANI potentials learn from."""

from __future__ import annotations

from hooke.atoms.facts import UNCONFIRMED, Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

CARD = QuantumCard(
    name="comp6",
    title="COMP6: benchmarks of ANI potentials",
    description="ANI-MD, DrugBank, GDB7to9, GDB10to13, tripeptides and S66x8, with energies and derivatives.",
    modality="atoms",
    source="github.com/isayev/COMP6, doi:10.1063/1.5023802",
    licence="unconfirmed",
    citation="comp6",
    size="about 100,000 geometries (quoted)",
    levels=("frame", "atom"),
    notes=(
        "The column called forces holds gradients (isayev/COMP6, issue 2). Readers disagree about the unit of "
        "energy: kcal/mol or hartree."
    ),
    facts=Facts(
        length_unit="angstrom",
        force_unit=UNCONFIRMED,
        derivative="gradient",
        energy_kind="total",
        methods=("wb97x/6-31g(d)",),
        force_methods=("wb97x/6-31g(d)",),
    ),
    layout="HDF5 as ANI-1, with forces (conformations, atoms, 3) that hold gradients",
    e0="none known",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """See `hooke.datasets.quantum`."""

    card = CARD
    layout = Keys(numbers="species", positions="coordinates", energies=("energies",), forces=("forces",))
    suffix = ".h5"

"""3BPA: a drug-like molecule with three rotors, dynamics at 300 K and at mixed temperatures, to test potentials outside their training."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset, mirrored

__all__ = ["CARD", "Config", "Dataset"]

_FOLDER = "quantum/botnet_3BPA"
_FILES = mirrored(
    _FOLDER,
    {
        "train_300K": ("bd515d340ec0f2f467e9aadf543e3a365d1b8d74ffdef21047c096c9284a53d3", 470737),
        "train_mixedT": ("5ef371a2e473af6ae7c2d8238a2d9bde94de9452e4c78ea472d9810e24704d35", 474208),
    },
)
_ISOLATED = mirrored(_FOLDER, {"iso_atoms": ("d514bdc5dc982bfd95ee9db1bd2b13a103afbd36247aa0548100f1cc1987d67a", 162)})[
    "iso_atoms"
]
CARD = QuantumCard(
    name="bpa",
    title="3BPA: one flexible drug-like molecule",
    description=(
        "Frames of 3-(benzyloxy)pyridin-2-amine, 27 atoms, from dynamics at 300 K and at mixed temperatures, "
        "with energies and forces."
    ),
    modality="atoms",
    source="github.com/davkovacs/BOTNet-datasets (commit 29e6d467317e)",
    licence="MIT (repository)",
    citation="bpa",
    size="1 molecule, 1,000 frames in two files of 500 (exact)",
    levels=("frame", "atom"),
    files=(*_FILES.values(), _ISOLATED),
    split="by its parts: parts=train_300K; `subset` keeps them apart in the store",
    notes=(
        "The isolated atoms are those of unrestricted wB97X/6-31G(d) with spherical d functions, in their ground states. "
        "The comment's lattice of 50 Å is no period: pbc says F F F."
    ),
    facts=Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("wb97x/6-31g(d)",), ("wb97x/6-31g(d)",)),
    layout="extended XYZ: energy in the comment, forces as columns where they were computed; isolated atoms in a file of their own",
    e0="isolated atoms in the set's own file",
    charges="neutral",
    spins="closed shell",
)


class Dataset(FrameDataset):
    """The trajectories as frames."""

    card = CARD
    layout = Keys(("energy",), ("forces",))
    parts = _FILES
    isolated = _ISOLATED

"""Acetylacetone: dynamics at 300 and 600 K and a scan of its dihedral angle."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset, mirrored

__all__ = ["CARD", "Config", "Dataset"]

_FOLDER = "quantum/botnet_acac"
_FILES = mirrored(
    _FOLDER,
    {
        "train_300K": ("49573f6265414a179205ce8e7b13b179ff7847e2ee0357c9954f48c2682102b4", 264025),
        "train_600K": ("137344cd77312d3d046953c4dce772ef6ca8e15b0b75a37d51dce4cad1e5a6e5", 265938),
        "test_dihedral": ("bf6c057e026223836be5464ca6884ca836b95784a23ae3e07b6b5f05e377c743", 10577),
    },
)
_ISOLATED = mirrored(
    _FOLDER, {"isolated_atoms": ("9c8acec7e40fd96f556f73ec283aecf782551d5bdbc64dd8ad212dea7ca800a6", 171)}
)["isolated_atoms"]
CARD = QuantumCard(
    name="acac",
    title="acac: acetylacetone",
    description=(
        "Frames of acetylacetone, 15 atoms, from dynamics at 300 K and 600 K, and a scan of a dihedral angle without forces."
    ),
    modality="atoms",
    source="github.com/davkovacs/BOTNet-datasets (commit 29e6d467317e)",
    licence="MIT (repository)",
    citation="acac",
    size="1 molecule, 1,045 frames (exact)",
    levels=("frame", "atom"),
    files=(*_FILES.values(), _ISOLATED),
    split="by its parts: parts=train_300K; `subset` keeps them apart in the store",
    notes=(
        "The isolated C and O of the file are not ground-state atoms: they lie about 0.4 and 0.7 eV above the triplets. Energies of "
        "formation with them hold inside this set and mean nothing beside another's."
    ),
    facts=Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("pbe-d3/def2-svp",), ("pbe-d3/def2-svp",)),
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

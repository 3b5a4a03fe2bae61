"""Ethanol and methanol: dynamics, normal modes and the removal of a hydrogen."""

from __future__ import annotations

from hooke.atoms.facts import Facts, QuantumCard
from hooke.atoms.keys import Keys
from hooke.datasets.quantum import Config, FrameDataset, mirrored

__all__ = ["CARD", "Config", "Dataset"]

_FOLDER = "quantum/botnet_ethanol"
_FILES = mirrored(
    _FOLDER,
    {
        "train": ("6cd5918f4177db4494cdb7020a7eb8601ec770ae1c8e5e69e7ab1f077cc3373b", 316174),
        "train_eth_meth": ("12d7f93eb45fd8a5f26005627fe5fe47f4de21227d2eec498b4f39c4d45b5bc1", 374097),
        "test_MD": ("e4b29648c022d09dee2e30e3194f30569acba0bbd19cd8b7657a86ee4f53ef7e", 316127),
        "test_eth_meth": ("0c036dba75af9f8b9f23cac093e02191943e64190e8058b966eef86947184bbd", 341889),
        "test_H_removal": ("9b50237f45e8a6374cdf9948d801cb0a10fdd38aa922da8da4b61894f83cebd1", 2352),
        "test_norm_mode_874": ("74258eff20203126fe5290f448430e70d50ac75483196ed6944d5b413219d6dc", 6558),
        "test_norm_mode_3005": ("72e8d058dbf6afe7c5bda54606c712e0fcefdfa2a28e440ffadc2eea31c01786", 3248),
    },
)
_ISOLATED = mirrored(
    _FOLDER, {"isolated_atoms": ("c987dacbf98944fd278a6e083a170d41dec82df59b4386f86b52f6f7db39ff55", 186)}
)["isolated_atoms"]
CARD = QuantumCard(
    name="ethanol",
    title="ethanol: ethanol and methanol",
    description=(
        "Frames of ethanol and methanol from dynamics, displacements along two normal modes, and a scan that removes a hydrogen."
    ),
    modality="atoms",
    source="github.com/davkovacs/BOTNet-datasets (commit 29e6d467317e)",
    licence="MIT (repository)",
    citation="ethanol",
    size="2 molecules, 4,560 frames (exact)",
    levels=("frame", "atom"),
    files=(*_FILES.values(), _ISOLATED),
    split="by its parts: parts=train; `subset` keeps them apart in the store",
    notes=(
        "The isolated C and O of the file are not ground-state atoms: they lie about 2.0 and 3.0 eV above the triplets, near closed shells. "
        "Energies of formation with them hold inside this set and mean nothing beside another's."
    ),
    facts=Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("pbe/def2-svp",), ("pbe/def2-svp",)),
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

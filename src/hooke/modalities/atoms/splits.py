"""Splits of frames: by frame, molecule, scaffold, size, or part of the data set."""

from __future__ import annotations

import numpy as np

from hooke.atoms.store import FrameStore
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.recipe import SplitSection
from hooke.evaluate import splits
from hooke.evaluate.splits import Split

MEANINGS = {
    "random": "optimistic, other conformations of the same molecules are trained on",
    "molecule": "whole molecules are tested on",
    "scaffold": "molecules with scaffolds that were not trained on are tested on",
    "size": "the molecules with most atoms are tested on",
    "part": "another part of the data set is tested on",
    "conformation": "other conformations of trained molecules, whole other molecules and the largest ones are tested on",
}
KINDS = tuple(MEANINGS)


def frame_split(store: FrameStore, section: SplitSection) -> Split:
    """Rows of train, valid and test.

    With "part" the frames of one part (`data.split.column`, else the first) are divided at random into train and valid, by the ratio of their
    fractions, and all other parts are tested on.

    Raises:
        UnknownNameError: No such kind or part.
        DataError: There are too few molecules or parts, or scaffolds are asked for and a molecule has no SMILES.
    """
    generator, kind = np.random.default_rng(section.seed), section.kind
    if kind not in KINDS:
        raise UnknownNameError("kind of split", kind, KINDS)
    if kind == "random":
        return splits.random_split(len(store), generator=generator, fractions=section.fractions)
    if kind == "part":
        return _by_part(store, section, generator)
    molecules = store.molecule()
    if kind == "conformation":
        return _by_conformation(store, molecules, section, generator)
    if kind == "size":
        return _by_size(store.store.axis_counts("atom"), molecules, section)
    keys: list[object] = molecules.tolist()
    if kind == "scaffold":
        for name in store.molecules.filter(store.molecules["smiles"] == "")["name"].head(1):
            raise DataError(
                f"{store.name}: no SMILES of {name!r} is known, so that it has no scaffold; take data.split.kind=molecule"
            )
        scaffolds = molecule_scaffolds(store)
        keys = [scaffolds[molecule] for molecule in molecules]
    if len(set(keys)) < sum(fraction > 0 for fraction in section.fractions):
        raise DataError(
            f"{store.name} holds {len(set(keys))} {kind}s, too few to keep them apart; take data.split.kind=random"
        )
    return splits.group_split(keys, generator=generator, fractions=section.fractions)


def molecule_scaffolds(store: FrameStore) -> list[str]:
    """The scaffold of each molecule; those without rings, or whose SMILES is not known, are groups of their own."""
    from hooke.molecules.scaffolds import murcko_scaffold

    return [
        murcko_scaffold(smiles) or smiles or name for name, smiles in store.molecules.select("name", "smiles").rows()
    ]


def _by_size(atoms: np.ndarray, molecules: np.ndarray, section: SplitSection) -> Split:
    """Molecules in the order of their atoms, cut by the fractions of frames; molecules of one size stay together in training."""
    order = np.lexsort((np.arange(len(atoms)), molecules, atoms))
    keys = (molecules if len(np.unique(molecules)) > 1 else np.arange(len(atoms)))[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    ends = np.cumsum(section.fractions[:2]) * len(atoms)
    cuts = [int(np.append(starts, len(atoms))[np.searchsorted(starts, end)]) for end in ends]
    parts = (order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] :])
    if not len(parts[0]):
        raise DataError("no molecule is left to train on; take larger fractions")
    return Split(*(np.sort(part) for part in parts))


def _by_conformation(
    store: FrameStore, molecules: np.ndarray, section: SplitSection, generator: np.random.Generator
) -> Split:
    """The share for testing is taken three times: of molecules at random, half as many of the largest, and of the frames of each molecule.

    The other frames of molecules that are not trained on are in no part: they would say the same again.
    """
    names, first = np.unique(molecules, return_index=True)
    tested = section.fractions[2]
    sizes = store.store.axis_counts("atom", first)
    largest = names[np.argsort(sizes, kind="stable")[len(names) - round(tested * len(names) / 2) :]]
    order = generator.permutation(np.setdiff1d(names, largest))
    outside = {*largest.tolist(), *order[: round(tested * len(names))].tolist()}
    parts: list[list[np.ndarray]] = [[], [], []]
    unused = 0
    frames_of = np.split(
        np.argsort(molecules, kind="stable"), np.cumsum(np.bincount(np.searchsorted(names, molecules)))[:-1]
    )
    for name, frames in zip(names.tolist(), frames_of, strict=True):
        ends = [round(share * len(frames)) for share in np.cumsum(section.fractions[:2])]
        train, valid, test = np.split(generator.permutation(frames), ends)
        parts[2].append(test)
        if name not in outside:
            parts[0].append(train)
            parts[1].append(valid)
        else:
            unused += len(train) + len(valid)
    train, valid, test = (np.sort(np.concatenate(part)) if part else np.zeros(0, np.int64) for part in parts)
    if not len(train):
        raise DataError(f"{store.name}: no frame is left to train on; its {len(names)} molecules are too few")
    return Split(
        train, valid, test, left_out={"other frames of molecules that are tested on alone": unused} if unused else {}
    )


def _by_part(store: FrameStore, section: SplitSection, generator: np.random.Generator) -> Split:
    names = store.subsets
    chosen = section.column or names[0]
    if chosen not in names:
        raise UnknownNameError("part of the data set", chosen, names)
    if len(names) < 2:
        raise DataError(f"{store.name} has one part alone ({chosen}); take data.split.kind=random")
    part = store.subset()
    own, others = (np.flatnonzero(same) for same in (part == names.index(chosen), part != names.index(chosen)))
    share = section.fractions[0] / sum(section.fractions[:2])
    order = generator.permutation(own)
    end = round(share * len(own))
    return Split(np.sort(order[:end]), np.sort(order[end:]), others)

"""Splits of responses by what is new in the test, and the leaks that they refuse.

Conditions are sets of what was perturbed (genes, or one compound) in a context. Every split says which rows may be learnt from and which are
scored, and leaves out the others: rows that would give a held-out name away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from hooke.core.errors import UsageError

FOLDS = 5
COUNTS = (
    "cells",
    "n_cells",
    "cell_count",
    "ncounts",
    "n_counts",
    "total_counts",
    "umi",
    "umis",
    "n_umi",
    "ngenes",
    "n_genes",
    "depth",
)
Sets = Sequence[Collection[str]]
Name = TypeVar("Name")


@dataclass(frozen=True)
class ResponseSplit:
    """One split of conditions.

    Attributes:
        kind: What is new in the test.
        name: Which of several of this kind.
        train, test: Rows, ascending, without one in common.
    """

    kind: str
    name: str
    train: np.ndarray
    test: np.ndarray


def unseen_perturbation(sets: Sets, *, singles: bool = True, folds: int = FOLDS, seed: int = 0) -> list[ResponseSplit]:
    """Names are dealt into folds; tested are the perturbations of a fold, learnt from is all that holds none of its names.

    Args:
        sets: (n,) what each condition perturbs.
        singles: Only what is perturbed alone is tested; else everything of which some member is new.
        folds, seed: Of the names that are perturbed, alone where singles are tested.
    """
    groups = [frozenset(each) for each in sets]
    names = sorted({name for each in groups if len(each) == 1 or not singles for name in each})
    splits = []
    for number, held in enumerate(_folds(names, folds, seed)):
        touched = np.array([bool(each & held) for each in groups], bool)
        tested = np.array([len(each) == 1 or not singles for each in groups], bool)
        splits.append(_split("unseen perturbation", f"fold {number}", ~touched, touched & tested))
    return splits


def pairs(sets: Sets, seen: int, *, folds: int = FOLDS, seed: int = 0) -> list[ResponseSplit]:
    """Pairs of which 0, 1 or 2 members are in the training, alone or in other pairs.

    Args:
        sets: (n,) what each condition perturbs.
        seen: 0, 1 or 2.
        folds: Of names for 0 and 1, of pairs for 2.
        seed: Of the folds.

    Raises:
        UsageError: Another number of members.
    """
    if seen not in (0, 1, 2):
        raise UsageError(f"of a pair 0, 1 or 2 members are seen, not {seen}")
    groups = [frozenset(each) for each in sets]
    is_pair = np.array([len(each) == 2 for each in groups], bool)
    splits = []
    if seen == 2:
        different = sorted({tuple(sorted(each)) for each in groups if len(each) == 2})
        for number, held_pairs in enumerate(_folds(different, folds, seed)):
            held_sets = {frozenset(each) for each in held_pairs}
            test = np.array([each in held_sets for each in groups], bool)
            known = {name for each, out in zip(groups, test, strict=True) if not out for name in each}
            both = np.array([each <= known for each in groups], bool)
            splits.append(_split("pairs, 2 seen", f"fold {number}", ~test, test & both))
        return splits
    names = sorted({name for each in groups for name in each})
    for number, held in enumerate(_folds(names, folds, seed)):
        count = np.array([len(each & held) for each in groups])
        train = count == 0
        known = {name for each, own in zip(groups, train, strict=True) if own for name in each}
        rest = np.array([(each - held) <= known for each in groups], bool)
        splits.append(_split(f"pairs, {seen} seen", f"fold {number}", train, is_pair & (count == 2 - seen) & rest))
    return splits


def unseen_context(contexts: Sequence[str]) -> list[ResponseSplit]:
    """Each context once: everything in it is tested, its controls alone may be seen."""
    where = np.asarray(contexts)
    return [_split("unseen context", str(name), where != name, where == name) for name in np.unique(where)]


def unseen_both(sets: Sets, contexts: Sequence[str], *, folds: int = FOLDS, seed: int = 0) -> list[ResponseSplit]:
    """Perturbations and a context that are both new: other contexts without the held-out names are learnt from."""
    groups = [frozenset(each) for each in sets]
    where = np.asarray(contexts)
    names = sorted({name for each in groups for name in each})
    splits = []
    for number, held in enumerate(_folds(names, folds, seed)):
        touched = np.array([bool(each & held) for each in groups], bool)
        for context in np.unique(where):
            inside = where == context
            splits.append(_split("unseen both", f"{context}, fold {number}", ~inside & ~touched, inside & touched))
    return splits


def few_shot(sets: Sets, contexts: Sequence[str], shots: int, *, seed: int = 0) -> list[ResponseSplit]:
    """Each context once: this many of its perturbations are learnt from with all other contexts, the others are tested.

    Raises:
        UsageError: Less than one shot.
    """
    if shots < 1:
        raise UsageError(f"few-shot splits need at least one perturbation of the context, got {shots}")
    groups = [frozenset(each) for each in sets]
    where = np.asarray(contexts)
    splits = []
    for number, context in enumerate(np.unique(where)):
        inside = where == context
        own = sorted({tuple(sorted(each)) for each, here in zip(groups, inside, strict=True) if here})
        order = np.random.default_rng([seed, number]).permutation(len(own))
        shown = {frozenset(own[place]) for place in order[:shots]}
        known = np.array([each in shown for each in groups], bool)
        splits.append(_split("few-shot", f"{shots} in {context}", ~inside | known, inside & ~known))
    return splits


def unseen_compound(
    compounds: Sequence[str], clusters: Mapping[str, int | str], *, folds: int = FOLDS, seed: int = 0
) -> list[ResponseSplit]:
    """Whole clusters of structures (or scaffolds) are held out.

    Args:
        compounds: (n,) of each condition.
        clusters: Compound → its cluster.
        folds, seed: Of clusters.

    Raises:
        UsageError: A compound without a cluster.
    """
    missing = sorted({name for name in compounds if name not in clusters})
    if missing:
        raise UsageError(f"{len(missing)} compounds have no cluster: {', '.join(missing[:5])}")
    own = np.array([str(clusters[name]) for name in compounds])
    splits = []
    for number, held in enumerate(_folds(sorted(set(own.tolist())), folds, seed)):
        test = np.isin(own, sorted(held))
        splits.append(_split("unseen compound", f"fold {number}", ~test, test))
    return splits


def unseen_dose(compounds: Sequence[str], doses: Sequence[float]) -> list[ResponseSplit]:
    """The highest dose of every compound that has several is tested, its others are learnt from."""
    names, amounts = np.asarray(compounds), np.asarray(doses, np.float64)
    top = np.zeros(len(names), bool)
    for name in np.unique(names):
        own = np.flatnonzero((names == name) & ~np.isnan(amounts))
        if len(np.unique(amounts[own])) > 1:
            top[own[amounts[own] == amounts[own].max()]] = True
    return [_split("unseen dose", "highest", ~top & ~np.isnan(amounts), top)]


@dataclass(frozen=True)
class Declared:
    """What a model was given beside the training responses, as far as it could hold the answer.

    Attributes:
        train_cells, test_cells: Names or numbers of cells behind the training and the test responses.
        genes_chosen_from: Rows of conditions that the choice of variable or differential genes looked at.
        knowledge_made_from: Name of an embedding or graph → screens that it was made from.
        inputs: Names of columns that are inputs for test conditions.
        targets_count: Whether perturbed genes count in their own scores.
        targets_said: Whether that is said beside the scores.
    """

    train_cells: np.ndarray = field(default_factory=lambda: np.empty(0))
    test_cells: np.ndarray = field(default_factory=lambda: np.empty(0))
    genes_chosen_from: Collection[int] = ()
    knowledge_made_from: Mapping[str, Collection[str]] = field(default_factory=dict)
    inputs: Collection[str] = ()
    targets_count: bool = False
    targets_said: bool = False


def refuse_leaks(
    split: ResponseSplit, sets: Sets, contexts: Sequence[str], declared: Declared, *, screen: str = ""
) -> None:
    """Refuse a split, or what a model was given, that holds the answer.

    Args:
        split: Of the conditions.
        sets, contexts: (n,) of all conditions; the order of genes means nothing.
        declared: What the model was given.
        screen: Name of the screen of the test.

    Raises:
        UsageError: Which leak it is.
    """
    if len(np.intersect1d(split.train, split.test)):
        raise UsageError(f"{split.kind}, {split.name}: a condition is on both sides")
    shared = np.intersect1d(declared.train_cells, declared.test_cells)
    if len(shared):
        raise UsageError(f"{split.kind}, {split.name}: {len(shared)} cells are on both sides, {shared[0]} among them")
    keys = [(frozenset(each), context) for each, context in zip(sets, contexts, strict=True)]
    train = {keys[row] for row in split.train}
    again = sorted("+".join(sorted(keys[row][0])) for row in split.test if keys[row] in train)
    if again:
        raise UsageError(f"{split.kind}, {split.name}: {again[0]} is on both sides, in another order or row")
    looked = sorted(set(declared.genes_chosen_from) & set(split.test.tolist()))
    if looked:
        raise UsageError(f"{split.kind}, {split.name}: the choice of genes looked at {len(looked)} test conditions")
    for name, screens in declared.knowledge_made_from.items():
        if screen and screen in screens:
            raise UsageError(f"{name} was made from {screen}, which is tested")
    counted = sorted(name for name in declared.inputs if name.lower() in COUNTS)
    if counted:
        raise UsageError(
            f"{counted[0]} of test conditions is an input: numbers of cells and of molecules tell how strong a response is"
        )
    if declared.targets_count and not declared.targets_said:
        raise UsageError("perturbed genes count in their own scores, and nothing says so")


def _folds(names: Sequence[Name], folds: int, seed: int) -> list[set[Name]]:
    """Sorted names dealt at random into nearly equal folds, none empty."""
    order = np.random.default_rng(seed).permutation(len(names))
    return [
        {names[place] for place in part} for part in np.array_split(order, min(folds, len(names)) or 1) if len(part)
    ]


def _split(kind: str, name: str, train: np.ndarray, test: np.ndarray) -> ResponseSplit:
    return ResponseSplit(kind, name, np.flatnonzero(train), np.flatnonzero(test))

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.evaluate.response_splits import (
    Declared,
    ResponseSplit,
    few_shot,
    pairs,
    refuse_leaks,
    unseen_both,
    unseen_compound,
    unseen_context,
    unseen_dose,
    unseen_perturbation,
)

GENES = [f"G{number:02d}" for number in range(20)]
SETS = [(gene,) for gene in GENES] + [
    (GENES[i], GENES[j]) if (i + j) % 2 else (GENES[j], GENES[i]) for i in range(20) for j in range(i)
]
TWICE = SETS * 2
CONTEXTS = ["a"] * len(SETS) + ["b"] * len(SETS)


def names(sets: Sequence[Sequence[str]], rows: np.ndarray) -> set[str]:
    return {name for row in rows for name in sets[row]}


def test_unseen_perturbations_are_nowhere_in_the_training() -> None:
    splits = unseen_perturbation(SETS)
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(20))
    for split in splits:
        assert not names(SETS, split.train) & names(SETS, split.test)
        assert any(len(SETS[row]) == 2 for row in split.train)


def test_everything_with_a_new_member_can_be_tested() -> None:
    for split in unseen_perturbation(SETS, singles=False):
        known = names(SETS, split.train)
        assert all(set(SETS[row]) - known for row in split.test)
        assert len(split.train) + len(split.test) == len(SETS)


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_pairs_have_as_many_seen_members_as_stated_in_either_order(seen: int) -> None:
    tested = set()
    for split in pairs(SETS, seen):
        known = names(SETS, split.train)
        assert len(split.test)
        for row in split.test:
            assert len(SETS[row]) == 2
            assert len(known & set(SETS[row])) == seen
            tested.add(frozenset(SETS[row]))
    assert len(tested) == {0: len(tested), 1: len(tested), 2: 190}[seen]
    backwards = [tuple(reversed(each)) for each in SETS]
    for one, two in zip(pairs(SETS, seen), pairs(backwards, seen), strict=True):
        assert np.array_equal(one.train, two.train)
        assert np.array_equal(one.test, two.test)


def test_a_pair_whose_member_is_nowhere_else_has_not_two_seen() -> None:
    for split in pairs([*SETS, ("LONE", "G00")], 2):
        assert len(SETS) not in split.test
    with pytest.raises(UsageError, match="0, 1 or 2"):
        pairs(SETS, 3)


def test_contexts() -> None:
    for split in unseen_context(CONTEXTS):
        assert {CONTEXTS[row] for row in split.test} == {split.name}
        assert len(split.train) + len(split.test) == len(TWICE)
    for split in unseen_both(TWICE, CONTEXTS):
        assert not {CONTEXTS[row] for row in split.train} & {CONTEXTS[row] for row in split.test}
        held = names(TWICE, split.test) - names(TWICE, split.train)
        assert all(held & set(TWICE[row]) for row in split.test)
    for split in few_shot(TWICE, CONTEXTS, 7):
        context = split.name.rpartition(" ")[2]
        assert sum(CONTEXTS[row] == context for row in split.train) == 7
        assert {CONTEXTS[row] for row in split.test} == {context}
    with pytest.raises(UsageError, match="at least one"):
        few_shot(TWICE, CONTEXTS, 0)


def test_clusters_of_compounds_are_held_out_whole() -> None:
    compounds = [f"c{number % 12}" for number in range(48)]
    clusters = {f"c{number}": number // 3 for number in range(12)}
    splits = unseen_compound(compounds, clusters, folds=4)
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(48))
    for split in splits:
        assert not {clusters[compounds[row]] for row in split.train} & {clusters[compounds[row]] for row in split.test}
    with pytest.raises(UsageError, match="no cluster: c11"):
        unseen_compound(compounds, {name: 0 for name in clusters if name != "c11"})


def test_the_highest_dose_is_tested_where_there_are_others() -> None:
    [split] = unseen_dose(["a", "a", "a", "b", "c", "c"], [1.0, 10.0, 10.0, 5.0, np.nan, 2.0])
    assert split.test.tolist() == [1, 2]
    assert split.train.tolist() == [0, 3, 5]


def test_every_split_of_this_file_passes_its_own_leak_checks() -> None:
    singles, both = unseen_perturbation(TWICE), unseen_both(TWICE, CONTEXTS)
    for split in [*singles, *pairs(TWICE, 1), *unseen_context(CONTEXTS), *both, *few_shot(TWICE, CONTEXTS, 3)]:
        refuse_leaks(split, TWICE, CONTEXTS, Declared())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"train_cells": np.array(["x", "y"]), "test_cells": np.array(["y", "z"])}, "1 cells are on both sides, y"),
        ({"genes_chosen_from": range(30)}, "choice of genes looked at"),
        ({"knowledge_made_from": {"embedding": ["screen"]}}, "embedding was made from screen"),
        ({"inputs": ["dose", "nCounts"]}, "nCounts of test conditions is an input"),
        ({"targets_count": True}, "count in their own scores"),
    ],
)
def test_leaks_are_refused(change: dict[str, object], match: str) -> None:
    split = unseen_perturbation(SETS)[0]
    declared = replace(Declared(), **change)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=match):
        refuse_leaks(split, SETS, ["a"] * len(SETS), declared, screen="screen")


def test_what_is_no_leak_passes() -> None:
    split = unseen_perturbation(SETS)[0]
    declared = Declared(
        np.array([1, 2]),
        np.array([3]),
        split.train.tolist(),
        {"graph": ["another screen"]},
        ["dose"],
        targets_count=True,
        targets_said=True,
    )
    refuse_leaks(split, SETS, ["a"] * len(SETS), declared, screen="screen")


def test_an_order_of_genes_hides_no_pair() -> None:
    sets, contexts = [("A", "B"), ("B", "A"), ("A",)], ["x", "x", "x"]
    split = ResponseSplit("pairs", "own", np.array([0, 2]), np.array([1]))
    with pytest.raises(UsageError, match=r"A\+B is on both sides"):
        refuse_leaks(split, sets, contexts, Declared())
    refuse_leaks(split, sets, ["x", "y", "x"], Declared())
    with pytest.raises(UsageError, match="a condition is on both sides"):
        refuse_leaks(replace(split, test=np.array([2])), sets, contexts, Declared())

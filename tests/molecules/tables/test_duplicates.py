"""Merging the measurements of one molecule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.blocks import GraphLabels
from hooke.molecules.tables.description import Rule
from hooke.molecules.tables.duplicates import Merged, Repeats, merge_duplicates
from hooke.molecules.tables.staging import canonical_keys

LABELS = (Label("y"), Label("active", kind="binary"))
SMILES = ["C", "CC", "C", "C", "CO"]
VALUES = np.array([[1.0, 1], [5.0, 0], [2.0, 1], [6.0, 0], [9.0, np.nan]], np.float32)
NO_BOUNDS = np.zeros((5, 2), np.int8)


def merge(
    rule: Rule = "mean", values: np.ndarray = VALUES, bounds: np.ndarray = NO_BOUNDS, *, smiles: list[str] = SMILES
) -> Merged:
    cut = len(values) // 2  # in two blocks
    blocks = [GraphLabels.from_dense(values[part], bounds[part]) for part in (slice(0, cut), slice(cut, None))]
    return merge_duplicates(canonical_keys(smiles), np.arange(len(smiles)) + 1, lambda: blocks, LABELS, rule)


def values_of(found: Merged) -> tuple[list[float], list[int]]:
    values, bounds = found.labels.dense(2)
    return values[0].tolist(), bounds[0].tolist()


@pytest.mark.parametrize(("rule", "value"), [("mean", 3.0), ("median", 2.0), ("first", 1.0)])
def test_rules(rule: Rule, value: float) -> None:
    found = merge(rule)
    assert found.keep.tolist() == [True, True, False, False, True]
    assert found.kept_row.tolist() == [0, 1, 0, 0, 4]
    assert found.rows.tolist() == [0]
    assert values_of(found)[0] == [value, 1.0]
    assert found.conflicts == 2
    assert found.repeats["y"].molecules == 1
    assert found.repeats["y"].measurements == 3
    assert found.repeats["y"].scatter == pytest.approx(np.std([1, 2, 6], ddof=1))


def test_keep_all_and_error() -> None:
    assert merge("keep_all").keep.all()
    with pytest.raises(DataError, match="of 'y' conflict for the molecule of row 1"):
        merge("error")
    agreeing = np.ones((5, 2), np.float32)
    assert values_of(merge("error", agreeing)) == ([1.0, 1.0], [0, 0])


def test_a_tie_of_classes_is_missing() -> None:
    values = VALUES.copy()
    values[2, 1] = np.nan
    assert np.isnan(values_of(merge("mean", values))[0][1])


def test_exact_values_count_before_censored_ones_and_the_tightest_bound_stays() -> None:
    bounds = NO_BOUNDS.copy()
    bounds[[0, 2], 0] = 1
    assert values_of(merge("mean", bounds=bounds)) == ([6.0, 1.0], [0, 0])
    bounds[3, 0] = 1
    assert values_of(merge("mean", bounds=bounds)) == ([6.0, 1.0], [1, 0])
    assert values_of(merge("mean", bounds=-bounds)) == ([1.0, 1.0], [-1, 0])
    bounds[3, 0] = -1  # > 1, > 2, < 6
    found = merge("mean", bounds=bounds)
    assert values_of(found) == ([1.0, 1.0], [1, 0])
    assert found.conflicts == 1  # only the classes: the bounds agree


def test_bounds_that_contradict_are_conflicts() -> None:
    bounds = NO_BOUNDS.copy()
    bounds[3, 0] = 1  # "> 6" beside 1 and 2
    assert merge("mean", bounds=bounds).conflicts == 2
    values = np.full((5, 2), np.nan, np.float32)
    values[[0, 2], 0] = [3, 1]
    bounds = NO_BOUNDS.copy()
    bounds[0, 0], bounds[2, 0] = 1, -1  # "> 3" and "< 1"
    assert merge("mean", values, bounds).conflicts == 1


def test_duplicates_without_labels() -> None:
    found = merge("mean", np.full((5, 2), np.nan, np.float32))
    assert found.keep.sum() == 3
    assert values_of(found)[1] == [0, 0]
    assert np.isnan(found.labels.dense(2)[0]).all()


@given(
    st.lists(
        st.tuples(st.sampled_from("CNO"), st.none() | st.integers(0, 3), st.integers(-1, 1)), min_size=1, max_size=12
    )
)
@settings(max_examples=60, deadline=None)
def test_one_row_a_molecule_and_means_within_its_measurements(rows: list[tuple[str, int | None, int]]) -> None:
    values = np.array([[np.nan if value is None else value, np.nan] for _, value, _ in rows], np.float32)
    bounds = np.array([[bound, 0] for _, _, bound in rows], np.int8)
    smiles = [name for name, _, _ in rows]
    found = merge("mean", values, bounds, smiles=smiles)
    assert found.keep.sum() == len(set(smiles))
    merged = found.labels.dense(2)[0][:, 0]
    for row, value in zip(found.rows, merged, strict=True):
        own = [number for name, number, _ in rows if name == smiles[row] and number is not None]
        assert np.isnan(value) == (not own)
        assert not own or min(own) <= value <= max(own)


def test_repeats_are_plain_numbers() -> None:
    assert merge().repeats["y"] == Repeats(1, 3, merge().repeats["y"].scatter)
    assert "active" not in merge().repeats

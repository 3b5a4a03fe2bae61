"""Merging the measurements of one molecule."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.labels import Label
from hooke.molecules.duplicates import Rule, merge_duplicates
from hooke.molecules.ingest import canonical_keys
from hooke.molecules.prepare import prepare
from hooke.molecules.store import GraphLabels, MoleculeBlock

LABELS = (Label("y"), Label("active", kind="binary"))
SMILES = ["C", "CC", "C", "C", "CO"]
VALUES = np.array([[1.0, 1], [5.0, 0], [2.0, 1], [6.0, 0], [9.0, np.nan]], np.float32)


def merged(rule: Rule, values: np.ndarray = VALUES, bounds: np.ndarray | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    found = prepare(SMILES)
    labels = GraphLabels.from_dense(values, bounds)
    block = MoleculeBlock(found.arrays, found.canonical, labels, np.arange(1, 6), np.zeros(5, np.uint8))
    return merge_duplicates(canonical_keys(found.canonical), lambda: [block], LABELS, rule)


@pytest.mark.parametrize(("rule", "value"), [("mean", 3.0), ("median", 2.0), ("first", 1.0)])
def test_rules(rule: Rule, value: float) -> None:
    found = merged(rule)
    assert found.keep.tolist() == [True, True, False, False, True]
    assert found.labels[0][0].tolist() == [value, 1.0]
    assert found.conflicts == 2


def test_keep_all_and_error() -> None:
    assert merged("keep_all").keep.all()
    with pytest.raises(DataError, match="conflict"):
        merged("error")


def test_a_tie_of_classes_is_missing() -> None:
    values = VALUES.copy()
    values[2, 1] = np.nan
    assert np.isnan(merged("mean", values).labels[0][0][1])


def test_exact_values_count_before_censored_ones() -> None:
    bounds = np.zeros((5, 2), np.int8)
    bounds[0, 0] = bounds[2, 0] = 1
    assert merged("mean", VALUES, bounds).labels[0][0][0] == 6.0
    bounds[3, 0] = 1
    value, bound = merged("mean", VALUES, bounds).labels[0]
    assert (value[0], bound[0]) == (1.0, 1)

"""Blocks: sparse labels of graphs, and choosing rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.molecules.blocks import GraphLabels, MoleculeBlock, ends, take
from hooke.molecules.prepare import prepare

VALUE = st.sampled_from([np.nan, 0.0, 1.5])
ROWS = st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=6)


@given(ROWS, ROWS, st.data())
@settings(max_examples=60, deadline=None)
def test_sparse_labels_are_the_dense_ones(first: list[tuple], second: list[tuple], data: st.DataObject) -> None:
    values = np.array(first, np.float32)
    labels = GraphLabels.from_dense(values)
    np.testing.assert_array_equal(labels.dense(3)[0], values)
    rows = np.array(data.draw(st.lists(st.integers(0, len(first) - 1), max_size=5)), np.int64)
    np.testing.assert_array_equal(labels.rows(rows).dense(3)[0], values[rows])
    where = np.array(sorted(data.draw(st.sets(st.integers(0, len(first) - 1), max_size=len(second)))), np.int64)
    others = np.array(second, np.float32)[: len(where)]
    replaced = values.copy()
    replaced[where] = others
    np.testing.assert_array_equal(labels.replaced(where, GraphLabels.from_dense(others)).dense(3)[0], replaced)


def test_labels_beside_others() -> None:
    first, second = np.array([[1, np.nan], [np.nan, 2]]), np.array([[np.nan, np.nan], [3, np.nan]])
    shifted = GraphLabels.from_dense(second)
    both = GraphLabels.from_dense(first).beside(
        GraphLabels(shifted.offsets, shifted.index + np.uint32(2), shifted.value, shifted.bound)
    )
    np.testing.assert_array_equal(both.dense(4)[0], np.hstack([first, second]))


def test_bounds_travel_with_their_values() -> None:
    bounds = np.array([[0, 1], [-1, 0]], np.int8)
    labels = GraphLabels.from_dense(np.array([[np.nan, 2], [3, 4]]), bounds)
    assert labels.bound.tolist() == [1, -1, 0]
    np.testing.assert_array_equal(labels.rows(np.array([1])).dense(2)[1], [[-1, 0]])


def test_take_without_and_with_labels_of_atoms_and_bonds() -> None:
    arrays = prepare(["CCO", "C", "C=C"]).arrays
    plain = MoleculeBlock(
        arrays, ["CCO", "C", "C=C"], GraphLabels.from_dense(np.zeros((3, 0))), np.arange(3), np.zeros(3, np.uint8)
    )
    some = take(plain, np.array([2, 0]))
    assert some.smiles == ["C=C", "CCO"]
    assert some.arrays.atom_counts.tolist() == [2, 3]
    assert some.node_labels is None
    assert some.pair_atoms is None
    labelled = MoleculeBlock(
        arrays, plain.smiles, plain.graph_labels, plain.source_row, plain.split, np.arange(6)[:, None], np.arange(3)[:, None],
        np.array([0, 1, 1, 2]), np.array([[0, 2], [0, 1]], np.uint16), np.array([[7.0], [8.0]]),
    )  # fmt: skip
    some = take(labelled, np.array([2, 1]))
    assert some.node_labels[:, 0].tolist() == [4, 5, 3]  # type: ignore[index]
    assert some.edge_labels[:, 0].tolist() == [2]  # type: ignore[index]
    assert some.pair_offsets.tolist() == [0, 1, 1]  # type: ignore[union-attr]
    assert some.pair_labels.tolist() == [[8.0]]  # type: ignore[union-attr]


def test_ends() -> None:
    assert ends(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
    assert ends(np.zeros(0, np.int64)).tolist() == [0]

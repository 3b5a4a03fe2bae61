"""Classes of rows, edges and nodes against dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hooke.molecules.environments_compiled import edge_classes, equal_rows, node_classes


def numbered(keys: Sequence[object]) -> list[int]:
    """The number of each key in the order of their first places."""
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return [order[key] for key in keys]


@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(-1, 1), st.integers(-1, 1)), max_size=60))
def test_equal_rows(rows: list[tuple[int, int, int]]) -> None:
    keys, values = np.array([row[0] for row in rows], np.int64), np.array([row[1:] for row in rows], np.int32)
    result = equal_rows(keys, values.reshape(len(rows), 2))
    assert result.group.tolist() == numbered(rows)
    assert [rows[place] for place in result.first] == list(dict.fromkeys(rows))
    assert result.order.tolist() == sorted(range(len(rows)), key=lambda place: result.group[place])
    assert np.diff(result.offsets).tolist() == np.bincount(result.group, minlength=len(result.first)).tolist()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source, destination, reverse and offsets of a graph whose edges are sorted by destination and source."""
    nodes = draw(st.integers(1, 8))
    pairs = draw(st.sets(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=14))
    bonds = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    edges = sorted([*bonds, *((second, first) for first, second in bonds)], key=lambda edge: edge[::-1])
    reverse = [edges.index(edge[::-1]) for edge in edges]
    source, destination = np.array(edges, np.int64).reshape(-1, 2).T
    offsets = np.searchsorted(destination, np.arange(nodes + 1))
    return np.ascontiguousarray(source), np.ascontiguousarray(destination), np.array(reverse, np.int64), offsets


@given(graphs(), st.data())
def test_classes_of_edges_and_nodes(graph: tuple[np.ndarray, ...], data: st.DataObject) -> None:
    source, destination, reverse, offsets = graph
    small = st.integers(0, 2)
    base = np.array(data.draw(st.lists(small, min_size=len(source), max_size=len(source))), np.int64)
    states = np.array(data.draw(st.lists(small, min_size=len(source), max_size=len(source))), np.int64)
    arriving = [np.flatnonzero(destination == node) for node in range(len(offsets) - 1)]
    keys = [
        (base[edge], *sorted(states[other] for other in arriving[source[edge]] if other != reverse[edge]))
        for edge in range(len(source))
    ]
    result = edge_classes(base, states, source, reverse, offsets, True)
    assert result.of_item.tolist() == numbered(keys)
    lists = np.split(result.added, result.offsets[1:-1]) if len(keys) else []
    assert [(start, *added) for start, added in zip(result.base, lists, strict=True)] == list(dict.fromkeys(keys))
    alone = edge_classes(base, states, source, reverse, offsets, False)
    assert alone.of_item.tolist() == list(range(len(source)))
    kinds = np.array(data.draw(st.lists(small, min_size=len(arriving), max_size=len(arriving))), np.int64)
    of_nodes = [(kinds[node], *sorted(states[edges])) for node, edges in enumerate(arriving)]
    assert node_classes(kinds, states, offsets).of_item.tolist() == numbered(of_nodes)

"""Cells of lists, their kinds, and blocks of labels below the molecule."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.parse import ParseError, parse
from hooke.molecules.prepare import prepare
from hooke.molecules.tables.listed import InnerLabels, ListProfile, Placed, parse_list, placed
from hooke.molecules.tables.numbered_atoms import unnumbered

NAN = np.nan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[0.5, null, -2]", [0.5, NAN, -2]),
        ("[0.5, None, nan]", [0.5, NAN, NAN]),
        ("[0.5, NaN]", [0.5, NAN]),
        ("0.5 n/a -2\n3", [0.5, NAN, -2, 3]),
        ("[[0, 1, 0.25], [2, 1, null]]", [[0, 1, 0.25], [2, 1, NAN]]),
        ("[]", []),
    ],
)
def test_cells_as_people_write_them(text: str, expected: list[float]) -> None:
    np.testing.assert_array_equal(parse_list(text), expected)


@pytest.mark.parametrize("text", ["[1, 2", "a b", "[[1, 2], [3, 4]]", '{"a": 1}', "[[1, 2, 3], [4]]", '["x"]'])
def test_other_cells_are_refused(text: str) -> None:
    with pytest.raises(ParseError, match="list"):
        parse_list(text)


def test_kinds_follow_from_all_cells() -> None:
    profile = ListProfile("q")
    profile.add(["[0, 1, null]", "", "rubbish"])
    assert (profile.cells, profile.unreadable, profile.is_list) == (1, 1, True)
    assert profile.label("node", None) == Label("q", "node", "binary")
    assert profile.label("node", "regression") == Label("q", "node")
    profile.add(["[[0, 1, 3.0]]"])
    assert profile.label("pair", None) == Label("q", "pair")
    assert profile.label("pair", "ordinal") == Label("q", "pair", "ordinal", classes=4)
    with pytest.raises(DataError, match="it is not binary"):
        profile.label("pair", "binary")
    profile.add(["[0.5]"])
    with pytest.raises(DataError, match="classes must be"):
        profile.label("edge", "multiclass")
    with pytest.raises(DataError, match="no list of numbers"):
        ListProfile("empty").label("node", None)


def test_labels_of_a_block_stand_at_their_places() -> None:
    labels = {"node": {"q": Label("q", "node")}, "pair": {"d": Label("d", "pair"), "e": Label("e", "pair")}}
    texts = [
        ("OCC", {"q": "[1, 2, 3]", "d": "[[0, 2, 9]]", "e": "[[1, 0, 7], [2, 0, 8]]"}),
        ("C", dict.fromkeys("qde", "")),
    ]
    lists = [placed(cells, labels, unnumbered(parse(text), text)[1]) for text, cells in texts]
    assert lists[1] == Placed()
    arrays = prepare(["CCO", "C"]).arrays
    found = InnerLabels.of(lists, arrays, {"node": 1, "edge": 0, "pair": 0}, {"node": 2, "edge": 1, "pair": 2})
    assert found.node is not None
    np.testing.assert_array_equal(found.node, [[NAN, 3], [NAN, 2], [NAN, 1], [NAN, NAN]])
    assert found.edge is not None
    assert found.edge.shape == (2, 1)
    assert found.pair_offsets is not None
    assert found.pair_offsets.tolist() == [0, 2, 2]
    assert found.pair_atoms is not None
    assert found.pair_atoms.tolist() == [[0, 2], [1, 2]]
    assert found.pair_labels is not None
    np.testing.assert_array_equal(found.pair_labels, [[9, 8], [NAN, 7]])
    with pytest.raises(ParseError, match="q: 1 values do not fit the 1|q: 2 values do not fit the 1 atoms"):
        placed({"q": "[1, 2]"}, {"node": labels["node"]}, unnumbered(parse("C"), "C")[1])

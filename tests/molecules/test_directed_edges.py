from __future__ import annotations

import sys

import numpy as np
import pytest

from hooke.molecules import directed_edges as module
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.directed_edges import compiled_route, directed_edges, directed_edges_reference
from hooke.molecules.prepare import prepare

SMILES = ["CCO", "C", "c1ccc2ccccc2c1", "[Na+].[Cl-]", "CC(C)(C)C", "C1CC1.C1CC1", "OS(=O)(=O)c1ccccc1"]


def arrays() -> MoleculeArrays:
    return prepare(SMILES).arrays


def test_by_hand() -> None:
    found = directed_edges(prepare(["CCO"]).arrays)
    assert found.ends.tolist() == [[1, 0, 2, 1], [0, 1, 1, 2]]
    assert found.reverse.tolist() == [1, 0, 3, 2]
    assert found.bond.tolist() == [0, 0, 1, 1]


def test_the_order_and_the_reverse() -> None:
    found = directed_edges_reference(arrays())
    source, destination = found.ends
    assert (np.diff(destination * 1000 + source) > 0).all()
    np.testing.assert_array_equal(found.ends[:, found.reverse], found.ends[::-1])
    np.testing.assert_array_equal(found.bond[found.reverse], found.bond)


def test_without_numba_it_is_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_route.cache_clear()
    monkeypatch.setitem(sys.modules, "hooke.molecules.directed_edges_compiled", None)  # importing it raises ImportError
    assert module.compiled_route() is None
    assert directed_edges(prepare(["CC"]).arrays).ends.tolist() == [[1, 0], [0, 1]]
    monkeypatch.undo()
    compiled_route.cache_clear()


def test_no_bonds() -> None:
    assert directed_edges(prepare(["C", "[Na+]"]).arrays).ends.shape == (2, 0)

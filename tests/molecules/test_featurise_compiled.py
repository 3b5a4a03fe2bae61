"""The kernels of the compiled featuriser, run as plain Python so that every line is seen."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.molecules import featurise_compiled as module
from hooke.molecules.featurise import PROBES, perceive_reference, same_perceived
from hooke.molecules.parse import silence_rdkit

silence_rdkit()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_int32", "count_items", "_charge_code", "_order_code", "decode", "mark_rings"):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)


@pytest.mark.usefixtures("plain")
def test_kernels_without_compilation_equal_the_reference() -> None:
    smiles = [*PROBES, "C" * 260, "C~C", "[CH3:5]C", "[U+5]", "C$C", "C1CC1C1CC1", "O[Cl](=O)(=O)=O"]
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    assert same_perceived(module.perceive_compiled(molecules), perceive_reference(molecules))


@pytest.mark.usefixtures("plain")
def test_query_atoms_and_bonds_go_through_the_reference() -> None:
    queries = [Chem.MolFromSmarts("[C,N]C"), Chem.MolFromSmarts("C~C")]
    for query in queries:
        query.UpdatePropertyCache(strict=False)
        Chem.FastFindRings(query)
    assert same_perceived(module.perceive_compiled(queries), perceive_reference(queries))


def test_another_binary_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAJOR", 99)
    with pytest.raises(ValueError, match="known here: 99"):
        module.perceive_compiled([Chem.MolFromSmiles("C")])


@pytest.mark.usefixtures("plain")
def test_rings_are_the_bonds_that_are_no_bridges() -> None:
    ends = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 5], [5, 3], [6, 7]], dtype=np.uint16)
    codes = np.zeros((len(ends), 4), dtype=np.uint8)
    atoms = np.zeros(8, dtype=np.uint8)
    module.mark_rings(atoms, ends, codes, 8)
    assert codes[:, 3].tolist() == [1, 1, 1, 0, 1, 1, 1, 0]
    assert atoms.tolist() == [1, 1, 1, 1, 1, 1, 0, 0]

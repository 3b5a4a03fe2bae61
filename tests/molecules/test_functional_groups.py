"""Groups of rebuilt molecules equal those of the molecules themselves."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Fragments

from hooke.modalities.molecules.samples import SMILES
from hooke.molecules.featurise import PROBES, featurise
from hooke.molecules.functional_groups import GROUP_NAMES, functional_groups

MORE = (
    "CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "O=[N+]([O-])c1ccccc1", "CC(=O)NC1=CC=C(O)C=C1", "NC(=N)NCCC[C@H](N)C(=O)O",
    "CS(=O)(=O)Nc1ccc(C#N)cc1", "C1CN1", "O=C1CCN1", "OB(O)c1ccccc1", "c1ccsc1", "CCOP(=O)(OCC)OCC", "C=NN", "CN=[N+]=[N-]",
    "[2H]C([2H])([2H])O", "O=C(O)c1cc2ccccc2[nH]1", "C1COCCO1", "CCCCCCCCCCCC",
)  # fmt: skip


@pytest.mark.parametrize("smiles", sorted({*SMILES, *MORE, *PROBES} - {"C" * 300}))
def test_agrees_with_rdkit(smiles: str) -> None:
    molecule = Chem.MolFromSmiles(smiles)
    found = functional_groups(featurise([molecule]))[0]
    expected = [getattr(Fragments, name)(molecule) > 0 for name in GROUP_NAMES]
    assert [n for n, a, b in zip(GROUP_NAMES, found, expected, strict=True) if a != b] == []


def test_aspirin_by_hand() -> None:
    found = dict(zip(GROUP_NAMES, functional_groups(featurise([Chem.MolFromSmiles(MORE[0])]))[0], strict=True))
    assert len(GROUP_NAMES) == 85
    assert all(found[name] for name in ("fr_ester", "fr_COO", "fr_benzene"))
    assert not found["fr_amide"]
    assert functional_groups(featurise([])).shape == (0, 85)
    assert found["fr_benzene"].dtype == np.bool_

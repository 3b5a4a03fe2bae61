from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.molecules.parse import canonical_smiles, parse
from hooke.testing.writings import renumbered, writings

SMILES = ("CCO", "C[C@H](N)C(=O)O.Cl.[Na+].[Cl-]", "c1ccc2[nH]ccc2c1", "F/C=C/Cl", "C[C@H](F)Br |&1:1|")


@pytest.mark.parametrize("smiles", SMILES)
def test_every_writing_is_the_molecule(smiles: str) -> None:
    written = writings(smiles, np.random.default_rng(0))
    assert {canonical_smiles(parse(text)) for text in written.values()} == {canonical_smiles(parse(smiles))}
    assert "[H]" in written["hydrogens"]
    assert ":1]" in written["numbers"]


def test_writings_differ() -> None:
    generator = np.random.default_rng(1)
    written = [writings(SMILES[1], generator) for _ in range(5)]
    assert len({each["order"] for each in written}) > 2
    assert len({each["fragments"] for each in written}) > 2
    assert "=" in writings("c1ccccc1", generator)["kekule"]
    orders = [
        [atom.GetSymbol() for atom in renumbered(Chem.MolFromSmiles("CON"), generator).GetAtoms()] for _ in range(9)
    ]
    assert len(set(map(tuple, orders))) > 1

"""Test parts that never move."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from hooke.molecules.held_out import PARTS, blocks_of, first_block, held_out, part_key, part_number
from hooke.molecules.tables.twins import twin_smiles


def test_stereoisomers_share_a_block_and_a_part() -> None:
    left, right, other = (Chem.MolFromSmiles(text) for text in ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)CO"))
    assert first_block(left) == first_block(right) != first_block(other)
    assert len(first_block(left)) == 14
    assert part_key(left) == part_key(right)


def test_molecules_of_one_scaffold_are_in_one_part() -> None:
    assert part_key(Chem.MolFromSmiles("Cc1ccccc1")) == part_key(Chem.MolFromSmiles("Oc1ccccc1Cl")) == "c1ccccc1"


def test_acyclic_molecules_are_spread() -> None:
    numbers = [part_number(part_key(Chem.MolFromSmiles("C" * length))) for length in range(1, 60)]
    assert len(set(numbers)) > 5


def test_parts_are_about_equal_and_never_change() -> None:
    numbers = np.array([part_number(f"scaffold {number}") for number in range(5000)])
    assert np.bincount(numbers, minlength=PARTS).min() > 420
    assert part_number("c1ccccc1") == part_number("c1ccccc1")
    assert numbers[:5].tolist() == [part_number(f"scaffold {number}") for number in range(5)]


def test_what_is_no_molecule_is_in_no_part() -> None:
    smiles = [*twin_smiles(100, seed=0), "C("]
    found = held_out(smiles)
    assert not found[-1]
    assert 0 < found.sum() < 60
    assert len(blocks_of(smiles)) == 100

from __future__ import annotations

import numpy as np

from hooke.modalities.molecules.permute import permuted
from hooke.modalities.molecules.samples import ENCODINGS, SMILES, slice_of
from hooke.molecules.batch import collate
from hooke.testing.models import check_batch
from hooke.testing.tasks import LABELS


def test_the_same_molecules_in_another_order() -> None:
    molecules = slice_of(SMILES, encodings=ENCODINGS, labels=LABELS)
    other = permuted(molecules, np.random.default_rng(0))
    check_batch(collate(other.molecules))
    before, after = molecules.arrays, other.molecules.arrays
    np.testing.assert_array_equal(after.atom_codes, before.atom_codes[other.nodes])
    np.testing.assert_array_equal(after.bond_codes, before.bond_codes[other.bonds])
    assert (other.nodes != np.arange(len(other.nodes))).any()
    first = np.repeat(before.atom_offsets[:-1], before.bond_counts)[:, None]
    former = np.sort(before.bond_atoms[other.bonds] + first, axis=1)
    np.testing.assert_array_equal(np.sort(other.nodes[after.bond_atoms + first], axis=1), former)
    assert (other.nodes[after.bond_atoms + first] != (before.bond_atoms[other.bonds] + first)).any()
    np.testing.assert_array_equal(other.nodes[other.molecules.pair_index], molecules.pair_index)
    np.testing.assert_array_equal(other.molecules.targets["edge"], molecules.targets["edge"][other.bonds])

"""Counts of flat arrays."""

from __future__ import annotations

from hooke.molecules.prepare import prepare


def test_counts() -> None:
    arrays = prepare(["CCO", "C", "c1ccccc1"]).arrays
    assert len(arrays) == 3
    assert arrays.atom_counts.tolist() == [3, 1, 6]
    assert arrays.bond_counts.tolist() == [2, 0, 6]

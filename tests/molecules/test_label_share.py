"""The share of measurements that stays: as large as asked for, nested, the same in any batch, on every level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hooke.core.label import Label
from hooke.modalities.molecules.samples import SMILES, slice_of
from hooke.molecules.statistics import hide_labels, kept


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_as_large_as_asked_for(share: float) -> None:
    found = kept(np.arange(2000), np.arange(10), share, 3)
    assert found.mean() == pytest.approx(share, abs=0.015)
    assert found.mean(axis=0) == pytest.approx(share, abs=0.05)


def test_smaller_shares_are_nested_and_seeds_differ() -> None:
    rows, labels = np.arange(500), np.arange(4)
    small, large, other = kept(rows, labels, 0.2, 0), kept(rows, labels, 0.6, 0), kept(rows, labels, 0.2, 1)
    assert not (small & ~large).any()
    assert (small != other).any()
    assert kept(rows, labels, 1.0, 0).all()


def test_rows_keep_their_measurements_in_any_batch() -> None:
    labels = [Label("a"), Label("n", level="node"), Label("e", level="edge"), Label("p", level="pair")]
    molecules = slice_of(SMILES, labels=labels)
    hidden = hide_labels(molecules, 0.5, 0)
    for level, values in hidden.targets.items():
        seen = ~np.isnan(values)
        assert 0 < seen.sum() < (~np.isnan(molecules.targets[level])).sum()
        assert (values[seen] == molecules.targets[level][seen]).all()
    ones = replace(molecules, targets={"graph": np.ones((len(SMILES), 1), np.float32)})
    alone = replace(slice_of(SMILES[2:3]), targets={"graph": np.ones((1, 1), np.float32)}, rows=np.array([2]))
    together = hide_labels(ones, 0.5, 0).targets["graph"][2:3]
    assert np.array_equal(hide_labels(alone, 0.5, 0).targets["graph"], together, equal_nan=True)


def test_atoms_of_a_molecule_come_and_go_together() -> None:
    molecules = slice_of(SMILES, labels=[Label("n", level="node")])
    whole = replace(molecules, targets={"node": np.ones_like(molecules.targets["node"])})
    found = np.isnan(hide_labels(whole, 0.5, 0).targets["node"][:, 0])
    starts = molecules.arrays.atom_offsets[:-1]
    shares = np.add.reduceat(found, starts) / molecules.arrays.atom_counts
    assert set(shares.tolist()) == {0.0, 1.0}

"""Fingerprints and similarity."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.molecules.descriptors import morgan_bits, morgan_counts, nearest_similarity


def test_counts_do_not_depend_on_how_a_molecule_is_written() -> None:
    counts = morgan_counts(["CCO", "OCC", "CCCCO"], bits=512)
    assert counts.shape == (3, 512)
    np.testing.assert_array_equal(counts[0], counts[1])
    assert (counts[0] != counts[2]).any()
    assert counts[0].sum() > 3


def test_nearest_similarity() -> None:
    found = nearest_similarity(["CCO", "c1ccccc1"], ["OCC", "CCN"])
    assert found[0] == 1
    assert 0 <= found[1] < 0.5
    assert nearest_similarity(["C"], []).tolist() == [0]
    assert len(morgan_bits(["C", "CC"])) == 2


def test_bad_smiles() -> None:
    with pytest.raises(ValueError, match="not a valid"):
        morgan_counts(["C("])

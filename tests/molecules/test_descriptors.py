"""Descriptors are finite for every molecule."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.molecules.descriptors import DESCRIPTORS, baseline_features, rdkit_descriptors


def test_finite_also_for_strange_molecules() -> None:
    found = rdkit_descriptors(["CCO", "[Na+].[Cl-]", "C", "*", "C" * 80])
    assert found.shape == (5, len(DESCRIPTORS))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1e6
    names = [name for name, _ in DESCRIPTORS]
    assert found[0, names.index("MolWt")] == pytest.approx(46.069, abs=0.01)


def test_features_are_counts_beside_descriptors() -> None:
    assert baseline_features(["CCO"]).shape == (1, 2048 + len(DESCRIPTORS))
    with pytest.raises(ValueError, match="not a valid"):
        rdkit_descriptors(["C("])

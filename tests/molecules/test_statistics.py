"""Label statistics see the given rows only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.molecules import statistics
from hooke.molecules.statistics import label_statistics
from hooke.molecules.store import MoleculeStore

GOLDEN = Path(__file__).parent.parent / "golden" / "store_v1"


def test_statistics_of_measured_values_of_the_given_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_BLOCK", 2)
    store = MoleculeStore.open(GOLDEN)
    found = label_statistics(store, np.array([3, 0, 1]))
    graph = found["graph"]
    assert graph.count.tolist() == [2, 2]
    np.testing.assert_allclose(graph.mean, [-0.25, 0.5])
    np.testing.assert_allclose(graph.std, [1.75, 0.5])
    assert found["node"].count.tolist() == [14]
    assert label_statistics(store, np.array([2]))["graph"].std.tolist() == [1.0, 1.0]

"""Every kind of split on a store, and what leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.core.how import How
from hooke.core.recipe import SplitSection
from hooke.datasets import csv
from hooke.molecules.splitting import leak_report, split_store
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.twins import write_twin_table


@pytest.fixture
def store(tmp_path: Path) -> MoleculeStore:
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=80)
    return csv.Dataset(csv.Config(path=str(table))).prepare(tmp_path / "stores", How(1, show_progress=False))


@pytest.mark.parametrize("kind", ["random", "scaffold", "scaffold_balanced", "cluster"])
def test_partitions(store: MoleculeStore, kind: str) -> None:
    split = split_store(store, SplitSection(kind=kind))  # type: ignore[arg-type]
    together = np.sort(np.concatenate([split.train, split.valid, split.test]))
    assert together.tolist() == list(range(len(store)))
    again = split_store(store, SplitSection(kind=kind))  # type: ignore[arg-type]
    assert np.array_equal(split.test, again.test)


def test_time(store: MoleculeStore) -> None:
    split = split_store(store, SplitSection(kind="time", time_column="log_p"))
    values = store.graph_labels(names=["log_p"])[0][:, 0]
    assert np.nanmax(values[split.train]) <= np.nanmin(values[split.test])
    with pytest.raises(UsageError, match="time_column"):
        split_store(store, SplitSection(kind="time"))
    with pytest.raises(UsageError, match="no split of their own"):
        split_store(store, SplitSection(kind="published"))


def test_leaks(store: MoleculeStore) -> None:
    found = leak_report(store, split_store(store, SplitSection()))
    assert found["equal_structures"] == 0
    assert found["test_molecules"] == found["compared"] == 8
    assert 0 < found["similarity_median"] <= 1
    scaffold = leak_report(store, split_store(store, SplitSection(kind="scaffold")))
    assert scaffold["equal_scaffolds"] == 0
    nothing = split_store(store, SplitSection(fractions=(1.0, 0.0, 0.0)))
    assert leak_report(store, nothing) == {"test_molecules": 0}

"""Every kind of split on a store, and what leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError, UsageError
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


def timed(tmp_path: Path, lines: list[str], column: str = "made") -> MoleculeStore:
    (tmp_path / "t.csv").write_text("\n".join(["smiles,y,made", *lines]) + "\n")
    how = How(0, show_progress=False, sections={"time_column": column})
    return csv.Dataset(csv.Config(path=str(tmp_path / "t.csv"))).prepare(tmp_path / "stores", how)


def test_a_column_of_times_is_no_label(tmp_path: Path) -> None:
    years = [f"{'C' * (number + 1)},{number / 2},{2000 + number * 7 % 10}" for number in range(10)]
    store = timed(tmp_path, years)
    assert [label.name for label in store.labels] == ["y"]
    assert store.metadata["ingest"]["ignored_columns"]["made"] == "it orders the time split"
    split = split_store(store, SplitSection(kind="time", time_column="made", fractions=(0.5, 0.3, 0.2)))
    times = store.times()
    assert times is not None
    assert sorted(times[split.test]) == [2008, 2009]
    assert times[split.train].max() < times[split.valid].min()
    assert [label.name for label in timed(tmp_path, years, "y").labels] == ["made"]


def test_molecules_have_their_earliest_time_and_unreadable_times_are_counted(tmp_path: Path) -> None:
    store = timed(tmp_path, ["CCO,1,03.02.2012", "C,2,soon", "OCC,3,2011-05-01", "CC,4,", "CCC,5,13.02.2012", "CCO,6,"])
    times = store.times()
    assert times is not None
    assert store.smiles() == ["CCO", "C", "CC", "CCC"]
    assert times[0] == 15095  # 2011-05-01
    assert np.isnan(times).tolist() == [False, True, True, False]
    assert store.metadata["time"] == {
        "column": "made",
        "dates": True,
        "day_first": True,
        "ambiguous": False,
        "unknown": 2,
    }
    ingest = store.metadata["ingest"]
    assert (ingest["time_problems"], ingest["label_problems"]) == (1, 0)
    split = split_store(store, SplitSection(kind="time", time_column="made", fractions=(0.5, 0.25, 0.25)))
    assert (split.train.tolist(), split.valid.tolist(), split.test.tolist()) == ([1, 2], [0], [3])
    assert timed(tmp_path, ["CCO,1,3", "C,2,4"]).folder != timed(tmp_path, ["CCO,1,3", "C,2,4"], "y").folder


def test_unknown_kinds_are_no_other_split(store: MoleculeStore) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'scaffold'"):
        split_store(store, SplitSection(kind="scafold"))


def test_leaks(store: MoleculeStore) -> None:
    found = leak_report(store, split_store(store, SplitSection()))
    assert found["equal_structures"] == 0
    assert found["test_molecules"] == found["compared"] == 8
    assert 0 < found["similarity_median"] <= 1
    scaffold = leak_report(store, split_store(store, SplitSection(kind="scaffold")))
    assert scaffold["equal_scaffolds"] == 0
    nothing = split_store(store, SplitSection(fractions=(1.0, 0.0, 0.0)))
    assert leak_report(store, nothing) == {"test_molecules": 0}


def test_numbered_writings_of_a_molecule_are_one_molecule_in_one_part(tmp_path: Path) -> None:
    toluenes = [f"[CH3:{number + 1}]c1ccccc1,{number / 2}" for number in range(20)]
    others = [f"{'C' * (number + 2)}c1ccccc1,{number / 2}" for number in range(9)]
    (tmp_path / "t.csv").write_text("\n".join(["smiles,y", *toluenes, *others]) + "\n")
    store = csv.Dataset(csv.Config(path=str(tmp_path / "t.csv"))).prepare(
        tmp_path / "stores", How(0, show_progress=False)
    )
    assert len(store) == 10
    assert store.smiles()[0] == "Cc1ccccc1"
    assert store.metadata["ingest"]["duplicates_merged"] == 19
    split = split_store(store, SplitSection(kind="scaffold"))
    assert sorted(map(len, (split.train, split.valid, split.test))) == [0, 0, 10]  # one scaffold
    assert leak_report(store, split_store(store, SplitSection(kind="random")))["equal_structures"] == 0


def test_isomers_and_mixtures_are_other_molecules(tmp_path: Path) -> None:
    rows = ["C[C@H](F)Br", "C[C@H](F)Br |&1:1|", "C[C@@H](F)Br |&1:1|", "C", "[13CH4]"]
    (tmp_path / "t.csv").write_text(
        "\n".join(["smiles;y", *(f"{smiles};{row / 2}" for row, smiles in enumerate(rows))]) + "\n"
    )
    store = csv.Dataset(csv.Config(path=str(tmp_path / "t.csv"))).prepare(
        tmp_path / "stores", How(0, show_progress=False)
    )
    assert store.smiles() == ["C[C@H](F)Br", "C[C@H](F)Br |&1:1|", "C", "[13CH4]"]
    assert store.graph_labels()[0][:, 0].tolist() == [0, 0.75, 1.5, 2]

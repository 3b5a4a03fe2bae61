"""Mixtures of tables: splits that fit, files that are there, one writer at a time."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, HookeError, UnknownNameError
from hooke.core.files import exclusive
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.core.pt_files import write_integer_lists
from hooke.core.store import check_store
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import IngestOptions, descriptor_labels, prepare_tables

LABELS = (("x", Label("x")), ("q_*", Label("q", "node")))


@pytest.fixture
def tables(tmp_path: Path) -> list[Table]:
    pl.DataFrame({"smiles": ["CCO", "bad", "C"], "x": [1.0, 2.0, None], "q_1": ["[1,2,3]", "[1]", "[9, 9]"]}).write_csv(
        tmp_path / "a.csv"
    )
    pl.DataFrame({"s": ["CCO", "N"], "y": [0, 1]}).write_csv(tmp_path / "b.csv")
    return [
        Table(LABELS, "smiles", name="a", by_columns=True, paths=(tmp_path / "a.csv",)),
        Table((("y", Label("y", kind="binary")),), "s", name="b", by_columns=True, paths=(tmp_path / "b.csv",)),
    ]


def _split(table: Table, path: Path, parts: dict[str, list[int]], test: str = "test") -> Table:
    write_integer_lists(path, parts)
    return replace(table, split_path=path, test=test)


def test_rows_and_labels_of_all_tables_in_one_store(tables: list[Table], tmp_path: Path) -> None:
    store = prepare_tables(tables, tmp_path / "stores", "mix", QUIET)
    assert [label.name for label in store.labels] == ["a/x", "b/y", "a/q_1"]
    assert [label.source for label in store.labels] == ["a", "b", "a"]
    assert store.smiles() == ["CCO", "C", "CCO", "N"]
    np.testing.assert_array_equal(store.graph_labels()[0], [[1, np.nan], [np.nan, np.nan], [np.nan, 0], [np.nan, 1]])
    node = store.read(np.arange(4)).targets["node"][:, 0]
    np.testing.assert_array_equal(node, [1, 2, 3, np.nan, np.nan, np.nan, np.nan, np.nan])
    report = store.metadata["ingest"]
    assert (report["rows_read"], report["rows_kept"], report["rows_rejected"], report["label_problems"]) == (5, 4, 1, 1)
    assert report["unlabelled"] == 1
    rejected = pl.read_parquet(store.folder / "rejected.parquet").to_dicts()
    assert [(entry["table"], entry["row"], entry["what"]) for entry in rejected] == [("a", 2, "row"), ("a", 3, "label")]
    assert "2 values do not fit the atoms of C" in rejected[1]["reason"]
    assert check_store(store.folder) == []
    assert store.split() is None


def test_computed_descriptors_stand_after_the_labels_of_the_tables(tables: list[Table], tmp_path: Path) -> None:
    plain = prepare_tables(tables, tmp_path / "stores", "mix", QUIET)
    store = prepare_tables(tables, tmp_path / "stores", "mix", QUIET, IngestOptions(descriptors=True))
    assert store.folder != plain.folder
    names = [label.name for label in store.level_labels("graph")]
    assert names[:2] == ["a/x", "b/y"]
    assert names[2:] == [label.name for label in descriptor_labels()]
    values = store.graph_labels()[0]
    np.testing.assert_array_equal(values[:, :2], plain.graph_labels()[0])
    weight = values[:, names.index("descriptors/exactmw")]
    assert weight[0] == weight[2] == pytest.approx(46.0419, abs=1e-3)
    assert store.metadata["ingest"]["unlabelled"] == 0


def test_a_share_of_the_rows_is_spread_evenly(tmp_path: Path) -> None:
    pl.DataFrame({"smiles": ["C" * (row + 1) for row in range(10)], "x": [float(row) for row in range(10)]}).write_csv(
        tmp_path / "a.csv"
    )
    table = Table(LABELS[:1], "smiles", name="a", by_columns=True, share=0.3, paths=(tmp_path / "a.csv",))
    store = prepare_tables([table], tmp_path / "stores", "mix", QUIET)
    assert store.source_rows(np.arange(3)).tolist() == [4, 7, 10]
    assert store.graph_labels()[0][:, 0].tolist() == [3, 6, 9]
    assert store.metadata["ingest"]["rows_read"] == 3


def test_it_is_found_by_content(tables: list[Table], tmp_path: Path) -> None:
    first = prepare_tables(tables, tmp_path / "stores", "mix", QUIET)
    moved = tmp_path / "elsewhere.csv"
    moved.write_bytes(tables[1].paths[0].read_bytes())
    same = [tables[0], replace(tables[1], paths=(moved,))]
    assert prepare_tables(same, tmp_path / "stores", "mix", QUIET).folder == first.folder
    moved.write_text("s,y\nCCO,0\nN,0\n")
    assert prepare_tables(same, tmp_path / "stores", "mix", QUIET).folder != first.folder


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": [0], "val": [1]}, "unknown part of s.pt 'test'"),
        ({"train": [0], "val": [0], "test": [1]}, "names rows twice"),
        ({"train": [-1], "val": [0], "test": [1]}, "negative"),
        ({"train": [0], "val": [1], "test": [7]}, "names row 8, but b has 2 rows"),
    ],
)
def test_splits_that_do_not_fit_are_refused(
    tables: list[Table], tmp_path: Path, parts: dict[str, list[int]], message: str
) -> None:
    table = _split(tables[1], tmp_path / "s.pt", parts)
    with pytest.raises((DataError, UnknownNameError), match=message):
        prepare_tables([table], tmp_path / "stores", "mix", QUIET)


def test_other_parts_are_in_no_split(tables: list[Table], tmp_path: Path) -> None:
    table = _split(tables[1], tmp_path / "s.pt", {"train": [], "valid": [], "test": [0], "seen": [1]}, "seen")
    codes = prepare_tables([table], tmp_path / "stores", "mix", QUIET).split()
    assert codes is not None
    assert codes.tolist() == [255, 2]


def test_missing_files_and_columns_are_said(tables: list[Table], tmp_path: Path) -> None:
    for wrong, error, message in [
        (replace(tables[0], paths=(tmp_path / "none.csv",)), DataError, "there is no file"),
        (replace(tables[0], smiles="smile"), UnknownNameError, "Did you mean 'smiles'"),
        (
            replace(tables[0], columns=(("z_*", Label("z")),)),
            UnknownNameError,
            "label column of a.csv",
        ),
    ]:
        with pytest.raises(error, match=message):
            prepare_tables([wrong], tmp_path / "stores", "mix", QUIET)


def test_two_writers_do_not_mix(tables: list[Table], tmp_path: Path) -> None:
    store = prepare_tables(tables, tmp_path / "stores", "mix", QUIET)
    shutil.rmtree(store.folder)
    with exclusive(store.folder, "is busy"), pytest.raises(HookeError, match="is preparing"):
        prepare_tables(tables, tmp_path / "stores", "mix", QUIET)


def test_a_killed_preparation_continues(tables: list[Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    whole = prepare_tables(tables, tmp_path / "whole", "mix", QUIET)
    monkeypatch.setattr("hooke.molecules.tables.ingest._write_rejected", die)
    with pytest.raises(KeyboardInterrupt):
        prepare_tables(tables, tmp_path / "stores", "mix", QUIET)
    monkeypatch.undo()
    assert not list((tmp_path / "stores").glob("*/manifest-*"))
    assert len(list((tmp_path / "stores").glob("*/stage/*.npz"))) == 2
    monkeypatch.setattr("hooke.molecules.tables.ingest.stage", die)
    again = prepare_tables(tables, tmp_path / "stores", "mix", QUIET)
    assert again.content_hash == whole.content_hash

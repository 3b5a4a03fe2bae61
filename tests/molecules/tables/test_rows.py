"""Columns are found, and rows come with their parts, cell by cell or by columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.molecules.blocks import NO_SPLIT
from hooke.molecules.held_out import held_out
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.rows import Rows, find_columns, held_out_smiles, read_rows


@pytest.fixture
def table(tmp_path: Path) -> Table:
    (tmp_path / "a.csv").write_text("id,Drug,y [1],g-0,g-1\n7,CCO,1,2,3\n8,bad,,5,x\n9,C,4\n")
    (tmp_path / "b.csv").write_text("g-0,g-1,y [1],Drug\n1,1,1,CC\n")
    columns = (("y [1]", Label("y", unit="h")), ("g-*", Label("g", kind="ordinal", classes=9)))
    return Table(columns, "Drug", paths=(tmp_path / "a.csv", tmp_path / "b.csv"), parts=("train", "test"))


def read(table: Table) -> list[Rows]:
    return list(read_rows(table, find_columns(table, show_progress=False)))


def test_names_and_patterns(table: Table) -> None:
    found = find_columns(table, show_progress=False)
    assert (found.smiles, list(found.graph), found.node) == ("Drug", ["y [1]", "g-0", "g-1"], {})
    assert [label.name for label in found.graph.values()] == ["y", "g-0", "g-1"]
    mixed = find_columns(replace(table, name="t"), show_progress=False)
    assert [label.name for label in mixed.graph.values()] == ["t/y", "t/g-0", "t/g-1"]
    with pytest.raises(UnknownNameError, match="label column of a.csv 'g_\\*'"):
        find_columns(replace(table, columns=(("g_*", Label("g")),)), show_progress=False)
    with pytest.raises(UsageError, match="labels of atoms are read by columns: g-0, g-1"):
        find_columns(replace(table, columns=(("g-*", Label("g", "node")),)), show_progress=False)
    with pytest.raises(UnknownNameError, match="split column"):
        find_columns(replace(table, split_column="part"), show_progress=False)


def test_labels_are_found(table: Table) -> None:
    found = find_columns(
        replace(table, columns=LabelOptions(), smiles=None, paths=table.paths[:1]), show_progress=False
    )
    assert (found.smiles, list(found.graph), found.rows) == ("Drug", ["y [1]", "g-0", "g-1"], 3)
    assert found.ignored == {"id": "an identifier (running number)"}


def test_cells_of_several_files(table: Table) -> None:
    first, second = read(table)
    assert first.texts == {
        "Drug": ["CCO", "bad", "C"],
        "y [1]": ["1", "", "4"],
        "g-0": ["2", "5", ""],
        "g-1": ["3", "x", ""],
    }
    assert first.refused == {}  # cells at the end of a line that are not written are empty
    assert (first.lines, first.numbers.tolist(), second.numbers.tolist()) == ([2, 3, 4], [1, 2, 3], [4])
    assert (first.split.tolist(), second.split.tolist()) == ([0, 0, 0], [2])
    table.paths[1].write_text("Drug,y [1]\nC,1\n")
    with pytest.raises(UnknownNameError, match="column of b.csv 'g-0'"):
        read(table)


def test_words_of_parts(table: Table, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("smiles,part\nC,Val\nCC,training\nCCC,\nCO,soon\nCN,tset\n")
    [rows] = read(Table((), paths=(tmp_path / "c.csv",), split_column="part"))
    assert rows.split.tolist() == [1, 0, NO_SPLIT, NO_SPLIT, NO_SPLIT]
    assert rows.refused == {
        3: ("part", "soon", "not train, valid or test"),
        4: ("part", "tset", "not train, valid or test; did you mean 'test'?"),
    }


def test_by_columns(tmp_path: Path) -> None:
    frame = pl.DataFrame({"s": ["C", None], "x": [1.0, None], "q_0": [[0.5], None], "part": ["train", "x"]})
    frame.write_parquet(tmp_path / "a.parquet")
    columns = (("x", Label("x")), ("q_*", Label("q", "node")))
    table = Table(columns, "s", split_column="part", name="t", by_columns=True, paths=(tmp_path / "a.parquet",) * 2)
    first, second = read(table)
    assert (first.numbers.tolist(), second.numbers.tolist()) == ([1, 2], [3, 4])
    assert first.texts["s"] == ["C", ""]
    assert first.graph is not None
    np.testing.assert_array_equal(first.graph.dense(1)[0], [[1], [np.nan]])
    assert [None if values is None else values.tolist() for values in first.node["q_0"]] == [[0.5], None]
    assert first.refused == {1: ("part", "x", "not train, valid or test")}
    [half] = {tuple(rows.numbers) for rows in read(replace(table, share=0.5)) if rows.numbers[0] == 2}
    assert half == (2,)


def test_what_is_tested_on(table: Table) -> None:
    assert held_out_smiles(table) == ["CC"]
    smiles = ["CCO", "bad", "C", "CC"]
    expected = [text for text, out in zip(smiles, held_out(smiles), strict=True) if out]
    assert held_out_smiles(replace(table, parts=())) == expected

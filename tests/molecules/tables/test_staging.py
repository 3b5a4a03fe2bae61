"""One chunk of rows: what is kept, what is refused and why, and its staged file."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.blocks import NO_SPLIT, GraphLabels
from hooke.molecules.descriptors import QUICK_DESCRIPTORS
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.held_out import first_block
from hooke.molecules.parse import parse
from hooke.molecules.tables import staging
from hooke.molecules.tables.rows import Columns, Rows
from hooke.molecules.tables.staging import (
    HELD_OUT,
    ChunkJob,
    Plan,
    canonical_keys,
    prepare_chunk,
    stage,
    staged_block,
    staged_chunk,
    staged_labels,
)

ROWS = Rows(
    np.arange(11, 16),
    {"smiles": ["OCC", "bad(", "C", "CC", ""], "y": ["1", "2", ">3", "x", "5"]},
    np.array([0, 2, NO_SPLIT, 1, NO_SPLIT], np.uint8),
    {2: ("", "C", "1 cell, the header has 3"), 4: ("part", "soon", "not train, valid or test")},
    [20, 21, 22, 23, 24],
)
PLAN = Plan("", Columns("smiles", {"y": Label("y")}, {}), encodings=EncodingConfig(laplacian=2))


def job(file: Path, rows: Rows = ROWS) -> ChunkJob:
    return ChunkJob(rows, PLAN, file)


def test_every_row_is_kept_or_refused_once(tmp_path: Path) -> None:
    block, refused = prepare_chunk(job(tmp_path))
    assert block.smiles == ["CCO", "CC"]
    assert block.source_row.tolist() == [11, 14]
    assert block.split.tolist() == [0, 1]
    assert np.isnan(block.graph_labels.dense(1)[0][:, 0]).tolist() == [False, True]
    rows = {entry["row"]: entry for entry in refused if entry["what"] == "row"}
    assert {row: entry["line"] for row, entry in rows.items()} == {12: 21, 13: 22, 15: 24}
    assert "header" in rows[13]["reason"]
    assert rows[13]["value"] == "C"
    assert rows[15]["reason"] == "not train, valid or test"
    assert rows[12]["column"] == "smiles"
    [label] = [entry for entry in refused if entry["what"] == "label"]
    assert (label["row"], label["column"], label["value"]) == (14, "y", "x")


def test_a_staged_file_holds_it_all(tmp_path: Path) -> None:
    file = tmp_path / "0.npz"
    assert stage(job(file)) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["0.npz"]
    block, refused = prepare_chunk(job(file))
    chunk, found = staged_chunk(file), staged_block(file)
    assert (chunk.rows, chunk.refused) == (5, refused)
    np.testing.assert_array_equal(chunk.keys, canonical_keys(["CCO", "CC"]))
    np.testing.assert_array_equal(chunk.source_row, block.source_row)
    assert found.smiles == block.smiles
    np.testing.assert_array_equal(found.arrays.atom_codes, block.arrays.atom_codes)
    assert found.arrays.atom_encodings.keys() == {"laplacian_eigenvectors"}
    assert found.arrays.graph_encodings.keys() == {"laplacian_eigenvalues"}
    np.testing.assert_array_equal(staged_labels(file).value, block.graph_labels.value)


def test_a_chunk_without_a_molecule(tmp_path: Path) -> None:
    rows = Rows(np.arange(2), {"smiles": ["", "x" * 300], "y": ["", ""]}, np.zeros(2, np.uint8))
    stage(job(tmp_path / "0.npz", rows))
    found = staged_chunk(tmp_path / "0.npz")
    assert len(found.keys) == 0
    assert [entry["line"] for entry in found.refused] == [None, None]
    assert "(300 characters)" in found.refused[1]["value"]
    assert len(staged_block(tmp_path / "0.npz").arrays) == 0


def test_labels_of_atoms_and_computed_ones_stand_at_their_place(tmp_path: Path) -> None:
    graph = GraphLabels.from_dense(np.array([[1.0], [2.0], [3.0]]))
    node = {"q": [np.array([1.0, 2, 3]), np.array([4.0]), None]}
    rows = Rows(np.arange(1, 4), {"s": ["CCO", "CC", "C"]}, np.zeros(3, np.uint8), graph=graph, node=node)
    columns = Columns("s", {"x": Label("t/x")}, {"q": Label("t/q", "node")})
    excluded = frozenset({first_block(parse("C"))})
    plan = Plan("t", columns, graph_start=2, starts={"node": 1}, counts={"node": 2}, computed=5, excluded=excluded)
    stage(ChunkJob(rows, plan, tmp_path / "0.npz"))
    block = staged_block(tmp_path / "0.npz")
    assert block.source_row.tolist() == [1, 2]
    values, _ = block.graph_labels.dense(5 + len(QUICK_DESCRIPTORS))
    assert values[:, 2].tolist() == [1, 2]
    assert np.isnan(values[:, [0, 1, 3, 4]]).all()
    assert not np.isnan(values[:, 5]).any()
    assert block.node_labels is not None
    np.testing.assert_array_equal(block.node_labels[:, 1], [1, 2, 3, np.nan, np.nan])
    assert np.isnan(block.node_labels[:, 0]).all()
    label, row = staged_chunk(tmp_path / "0.npz").refused
    assert (label["what"], label["table"], label["column"]) == ("label", "t", "q")
    assert "1 values do not fit the atoms of CC" in label["reason"]
    assert (row["row"], row["reason"]) == (3, HELD_OUT)


def test_a_full_disk_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging.np, "savez", full)
    with pytest.raises(DataError, match="finished chunks are kept"):
        stage(job(tmp_path / "0.npz"))

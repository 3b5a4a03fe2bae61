"""One chunk of rows: what is kept, what is refused and why, and its staged file."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.blocks import NO_SPLIT
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import KEEP_ALL
from hooke.molecules.tables import staging
from hooke.molecules.tables.reading import RowChunk
from hooke.molecules.tables.staging import (
    ChunkJob,
    canonical_keys,
    prepare_chunk,
    stage,
    staged_block,
    staged_chunk,
    staged_labels,
)
from hooke.molecules.tables.values import LabelOptions

CHUNK = RowChunk(
    11,
    {
        "smiles": ["OCC", "bad(", "C", "CC", ""],
        "y": ["1", "2", ">3", "x", "5"],
        "part": ["train", "test", "holdout", "Val", "soon"],
    },
    {13: "1 cell, the header has 3"},
    [20, 21, 22, 23, 24],
)


def job(file: Path, chunk: RowChunk = CHUNK) -> ChunkJob:
    return ChunkJob(
        chunk,
        file,
        "smiles",
        "part",
        (Label("y"),),
        LabelOptions({}, {}, {}, {}),
        KEEP_ALL,
        EncodingConfig(laplacian=2),
    )


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
    chunk = replace(CHUNK, columns={"smiles": ["", "x" * 300], "y": ["", ""], "part": ["", ""]}, broken={}, lines=[])
    stage(job(tmp_path / "0.npz", chunk))
    found = staged_chunk(tmp_path / "0.npz")
    assert len(found.keys) == 0
    assert [entry["line"] for entry in found.refused] == [None, None]
    assert "(300 characters)" in found.refused[1]["value"]
    assert len(staged_block(tmp_path / "0.npz").arrays) == 0


def test_rows_of_no_part(tmp_path: Path) -> None:
    chunk = replace(CHUNK, columns={"smiles": ["C"], "y": [""], "part": [""]}, broken={}, lines=[2])
    block, refused = prepare_chunk(job(tmp_path, chunk))
    assert block.split.tolist() == [NO_SPLIT]
    assert refused == []


def test_a_full_disk_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging.np, "savez", full)
    with pytest.raises(DataError, match="finished chunks are kept"):
        stage(job(tmp_path / "0.npz"))

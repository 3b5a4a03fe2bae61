"""Ingest: every row of a hostile table is accounted for, and a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.labels import Label
from hooke.molecules import tables
from hooke.molecules.encodings import EncodingConfig
from hooke.molecules.ingest import IngestConfig, ingest
from hooke.molecules.store import MoleculeStore
from hooke.molecules.twins import twin_smiles

PEPTIDE = "N[C@@H](C)C(=O)" * 60 + "O"
HOSTILE = [
    "smiles,y,active,note,split",
    "CCO,1.5,1,fine,train",
    "OCC,2.5,1,the same molecule,train",
    "not_a_smiles,1,0,,train",
    ",3,0,empty SMILES,train",
    "C,>10,0,censored,valid",
    "[Na+].[Cl-],<5,,a salt,test",
    f"{PEPTIDE},7,1,a peptide of 301 atoms,train",
    "CC,abc,maybe,bad labels,train",
    "CCC,,,no label,test",
    "CCCC,1,1,unknown part,holdout",
    "CO,1,1,one cell too many,train,extra",
    "C" * 1_000_000 + ",1,1,a million characters,train",
    "c1ccccc1,4,0,fine,valid",
]


def write(path: Path, lines: list[str], *, bom: bool = False) -> Path:
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + "\n".join(lines).encode() + b"\n")
    return path


def test_every_row_of_a_hostile_table_is_accounted_for(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", HOSTILE, bom=True)
    store, report = ingest(path, tmp_path / "store", IngestConfig(split_column="split"), workers=1, show_progress=False)
    assert report.rows_read == 13
    assert report.rows_read == report.rows_kept + report.rows_rejected + report.duplicates_merged
    assert (report.rows_rejected, report.duplicates_merged, report.conflicts, report.label_problems) == (5, 1, 1, 2)
    assert report.unlabelled == 2
    assert report.ignored_columns == {"note": "text"}
    assert len(store) == report.rows_kept
    assert store.source_rows().tolist() == [1, 5, 6, 7, 8, 9, 13]
    assert store.labels == (Label("y"), Label("active", kind="binary"))
    values, bounds = store.graph_labels()
    np.testing.assert_array_equal(values[:3, 0], [2.0, 10.0, 5.0])
    assert bounds[:3, 0].tolist() == [0, 1, -1]
    assert store.read(np.arange(2)).bounds["graph"][1, 0] == 1
    assert store.split().tolist() == [0, 1, 2, 0, 0, 2, 1]  # type: ignore[union-attr]
    assert store.atom_counts.max() == 301
    rejected = pl.read_parquet(tmp_path / "store" / "rejected.parquet")
    rows = rejected.filter(pl.col("what") == "row").sort("row")
    assert rows["row"].to_list() == [3, 4, 10, 11, 12]
    assert rejected.filter(pl.col("what") == "label")["row"].to_list() == [8, 8]
    assert max(len(value) for value in rejected["value"]) <= 200
    assert "13 rows" in report.summary()


def test_units_and_transforms(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,ic50", "C,1000", "CC,>10", "CCC,0"])
    config = IngestConfig(units={"ic50": "nM"}, convert_to={"ic50": "M"}, transforms={"ic50": "minus_log10"})
    store, report = ingest(path, tmp_path / "s", config, workers=1, show_progress=False)
    values, bounds = store.graph_labels()
    np.testing.assert_allclose(values[:2, 0], [6, 8], rtol=1e-6)
    assert bounds[:2, 0].tolist() == [0, -1]
    assert report.label_problems == 1
    assert store.labels[0].unit == "M"


def test_named_targets_and_wrong_names(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["mol,a,b", "C,1,2", "CC,3,4"])
    store, _ = ingest(path, tmp_path / "s", IngestConfig(targets=("b",)), workers=1, show_progress=False)
    assert [label.name for label in store.labels] == ["b"]
    with pytest.raises(UnknownNameError, match="target column 'bb'"):
        ingest(path, tmp_path / "t", IngestConfig(targets=("bb",)), workers=1, show_progress=False)
    with pytest.raises(UnknownNameError, match="split column"):
        ingest(path, tmp_path / "u", IngestConfig(split_column="part"), workers=1, show_progress=False)
    with pytest.raises(UnknownNameError, match="label column"):
        ingest(path, tmp_path / "v", labels=[Label("zz")], workers=1, show_progress=False)
    wrong = write(tmp_path / "w.csv", ["smiles y", "C 1"])
    with pytest.raises(DataError, match="delimiter"):
        ingest(wrong, tmp_path / "x", workers=1, show_progress=False)


def test_one_process_and_two_make_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 16)
    smiles = twin_smiles(70, seed=0)
    path = write(tmp_path / "t.csv", ["smiles,y", *(f"{text},{number}.5" for number, text in enumerate(smiles))])
    config = IngestConfig(encodings=EncodingConfig(random_walk=4))
    hashes = [
        ingest(path, tmp_path / f"s{workers}", config, workers=workers, show_progress=False)[0].content_hash for workers in (1, 2)
    ]
    assert hashes[0] == hashes[1]


def test_a_killed_ingest_continues_to_the_same_store(tmp_path: Path) -> None:
    smiles = twin_smiles(300, seed=1) * 20
    path = write(tmp_path / "t.csv", ["smiles,y", *(f"{text},{number}.5" for number, text in enumerate(smiles))])
    code = (
        "import sys; from pathlib import Path; from hooke.molecules import tables; tables.CHUNK_ROWS = 200\n"
        "from hooke.molecules.ingest import IngestConfig, ingest\n"
        "ingest(Path(sys.argv[1]), Path(sys.argv[2]), IngestConfig(duplicates='keep_all'), workers=1, show_progress=False)"
    )
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "killed")]
    process = subprocess.Popen(command)
    stage = tmp_path / "killed" / "stage"
    while len(list(stage.glob("*.npz"))) < 3 and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(DataError, match="no manifest"):
        MoleculeStore.open(tmp_path / "killed")
    before = {file.name: file.stat().st_mtime_ns for file in stage.glob("*.npz")}
    assert len(before) >= 3
    subprocess.run(command, check=True)
    subprocess.run([*command[:-1], str(tmp_path / "whole")], check=True)
    killed, whole = MoleculeStore.open(tmp_path / "killed"), MoleculeStore.open(tmp_path / "whole")
    assert killed.content_hash == whole.content_hash
    assert len(killed) == 6000
    assert not stage.exists()

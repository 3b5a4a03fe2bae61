"""Ingest: every row of a hostile table is accounted for, and a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError
from hooke.core.files import exclusive
from hooke.core.how import QUIET, How
from hooke.core.label import Label
from hooke.core.store import check_store
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables import ingest as engine
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.ingest import IngestReport, ingest_summary, prepare_tables, store_folder
from hooke.molecules.tables.twins import twin_smiles, write_twin_table

FOUND = LabelOptions()
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


def ingest(
    path: Path, folder: Path, labels: LabelOptions = FOUND, how: How = QUIET, **table: Any
) -> tuple[MoleculeStore, IngestReport]:
    store = engine.ingest([Table(labels, paths=(path,), **table)], folder, how)
    return store, IngestReport(**store.metadata["ingest"])


def test_every_row_of_a_hostile_table_is_accounted_for(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", HOSTILE, bom=True)
    store, report = ingest(path, tmp_path / "store", split_column="split")
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
    assert rows["line"].to_list() == [4, 5, 11, 12, 13]
    assert max(len(value) for value in rejected["value"]) <= 230
    merged = pl.read_parquet(tmp_path / "store" / "duplicates.parquet")
    assert merged.rows() == [(2, 1)]
    accounted = [*store.source_rows().tolist(), *rows["row"], *merged["row"]]
    assert sorted(accounted) == list(range(1, 14))
    assert check_store(tmp_path / "store") == []
    assert "13 rows" in report.summary()


def test_units_and_transforms(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,ic50", "C,1000", "CC,>10", "CCC,0"])
    labels = LabelOptions(units={"ic50": "nM"}, convert_to={"ic50": "M"}, transforms={"ic50": "minus_log10"})
    store, report = ingest(path, tmp_path / "s", labels)
    values, bounds = store.graph_labels()
    np.testing.assert_allclose(values[:2, 0], [6, 8], rtol=1e-6)
    assert bounds[:2, 0].tolist() == [0, -1]
    assert report.label_problems == 1
    assert store.labels[0].unit == "-log10 M"


def test_named_targets_and_wrong_names(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["mol,a,b", "C,1,2", "CC,3,4"])
    store, _ = ingest(path, tmp_path / "s", LabelOptions(("b",)))
    assert [label.name for label in store.labels] == ["b"]
    with pytest.raises(UnknownNameError, match="target column 'bb'"):
        ingest(path, tmp_path / "t", LabelOptions(("bb",)))
    with pytest.raises(UnknownNameError, match="split column"):
        ingest(path, tmp_path / "u", split_column="part")
    with pytest.raises(UnknownNameError, match="label column"):
        engine.ingest([Table((("zz", Label("zz")),), paths=(path,))], tmp_path / "v", QUIET)
    wrong = write(tmp_path / "w.csv", ["smiles y", "C 1"])
    with pytest.raises(DataError, match="delimiter"):
        ingest(wrong, tmp_path / "x")


def test_one_process_and_two_make_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 16)
    smiles = twin_smiles(70, seed=0)
    path = write(tmp_path / "t.csv", ["smiles,y", *(f"{text},{number}.5" for number, text in enumerate(smiles))])
    hashes = [
        ingest(path, tmp_path / f"s{workers}", how=How(workers, False, {"encodings": EncodingConfig(random_walk=4)}))[
            0
        ].content_hash
        for workers in (1, 2)
    ]
    assert hashes[0] == hashes[1]


def test_what_is_said_about_columns_is_checked_before_anything_runs(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "C,1", "CC,3"])

    def run(**options: object) -> None:
        ingest(path, tmp_path / "s", LabelOptions(**options))  # type: ignore[arg-type]

    with pytest.raises(UnknownNameError, match="'yy'. Did you mean 'y'|'yy'"):
        run(transforms={"yy": "log10"})
    with pytest.raises(UnknownNameError, match="label column in kinds"):
        run(targets=("y",), units={"smiles": "nM"})
    with pytest.raises(UsageError, match="needs the unit of the raw values"):
        run(convert_to={"y": "nM"})
    with pytest.raises(UnknownNameError, match="unit"):
        run(units={"y": "nm/l"}, convert_to={"y": "nM"})
    with pytest.raises(DataError, match="no file"):
        ingest(tmp_path / "none.csv", tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_kinds_repeats_and_splits_of_duplicates(tmp_path: Path) -> None:
    lines = [
        "smiles,y,grade,split",
        "CCO,1,0,train",
        "OCC,3,2,test",
        "C(O)C,5,2,train",
        "C,7,1,valid",
        "CC,>9,,",
        "CC,12,,",
    ]
    path = write(tmp_path / "t.csv", lines)
    store, report = ingest(path, tmp_path / "s", LabelOptions(kinds={"grade": "ordinal"}), split_column="split")
    assert store.labels == (Label("y"), Label("grade", kind="ordinal", classes=3))
    assert store.graph_labels()[0].tolist()[0] == [3.0, 2.0]
    assert store.graph_labels()[0][2, 0] == 12.0
    assert (report.conflicts, report.split_conflicts) == (2, 1)
    assert report.repeats["y"] == {"molecules": 1, "measurements": 3, "scatter": 2.0}
    assert store.metadata["duplicates"] == "mean"


def test_rows_deep_in_the_table_decide_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 8)
    smiles = twin_smiles(40, seed=0)
    path = write(
        tmp_path / "t.csv",
        [
            "smiles,late,flag",
            *(f"{text},{9 + n % 2 if n > 30 else ''},{int(n == 39) * 2}" for n, text in enumerate(smiles)),
        ],
    )
    store, report = ingest(path, tmp_path / "s")
    assert store.labels == (Label("late"), Label("flag"))  # a single 2 in the last row: no class
    assert report.label_problems == 0


def test_a_table_without_a_molecule_is_no_store(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "x,1", "y,2"])
    with pytest.raises(DataError, match=r"none of its 2 rows holds a molecule.*Row 1: SMILES"):
        ingest(path, tmp_path / "s")
    assert len(pl.read_parquet(tmp_path / "s" / "rejected.parquet")) == 2
    with pytest.raises(DataError, match="no manifest"):
        MoleculeStore.open(tmp_path / "s")


def test_a_store_of_something_else_is_not_taken_for_this_one(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "C,1", "CC,3"])
    first, _ = ingest(path, tmp_path / "s")
    again, _ = ingest(path, tmp_path / "s")
    assert again.content_hash == first.content_hash
    with pytest.raises(UsageError, match="another table, or of other options"):
        ingest(path, tmp_path / "s", duplicates="first")
    write(path, ["smiles,y", "C,1", "CC,4"])
    with pytest.raises(UsageError, match="choose another folder"):
        ingest(path, tmp_path / "s")


def test_staged_chunks_of_another_table_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "C,1", "CC,3"])
    with monkeypatch.context() as patch:
        patch.setattr("hooke.molecules.tables.ingest._Work._join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ingest(path, tmp_path / "s")
    assert (tmp_path / "s" / "stage" / "00000000.npz").exists()
    write(path, ["smiles,y", "CCC,5", "CCCC,6"])
    store, _ = ingest(path, tmp_path / "s")
    assert store.smiles() == ["CCC", "CCCC"]


def test_only_one_process_prepares_a_store(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "C,1", "CC,3"])
    with exclusive(tmp_path / "s", "test"), pytest.raises(HookeError, match="another process is preparing"):
        ingest(path, tmp_path / "s")


WORK = """
import os, signal, sys
from pathlib import Path
from hooke.core import files
from hooke.core.how import How
from hooke.molecules import store
from hooke.molecules.tables import ingest
from hooke.molecules.tables.description import Table
from hooke.molecules.tables import staging
from hooke.molecules.tables import reading as tables
from hooke.molecules.encodings.config import EncodingConfig
tables.CHUNK_ROWS = 100

def die_at(module, name, count):
    real, calls = getattr(module, name), []
    def dying(*arguments, **named):
        calls.append(1)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    setattr(module, name, dying)

{before}
how = How(0, False, {{"encodings": EncodingConfig(laplacian=3, random_walk=3)}})
ingest.ingest([Table(paths=(Path(sys.argv[1]),))], Path(sys.argv[2]), how)
"""
KILLS = {
    "in a chunk": "die_at(staging, 'prepare_chunk', 3)",
    "before a staged file is in place": "die_at(files, 'put_in_place', 2)",
    "while the store is written": "die_at(store.MoleculeStoreWriter, 'append', 2)",
    "before the manifest": "die_at(store.MoleculeStoreWriter, 'close', 1)",
    "after the manifest": "die_at(ingest, 'remove_folder', 1)",
}


def work(table: Path, folder: Path, before: str = "") -> int:
    return subprocess.run(
        [sys.executable, "-c", WORK.format(before=before), str(table), str(folder)], check=False
    ).returncode


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    smiles = [*twin_smiles(250, seed=1), *twin_smiles(250, seed=1)[:150], "bad(", ""]
    lines = ["smiles,y", *(f"{text},{number}.5" for number, text in enumerate(smiles))]
    return write(tmp_path_factory.mktemp("killed") / "t.csv", lines)


def test_a_killed_ingest_continues_to_the_same_store(repeated: Path, tmp_path: Path) -> None:
    assert work(repeated, tmp_path / "whole") == 0
    whole = MoleculeStore.open(tmp_path / "whole")
    assert (len(whole), whole.metadata["ingest"]["duplicates_merged"], whole.metadata["ingest"]["rows_rejected"]) == (
        250,
        150,
        2,
    )
    folder = tmp_path / "killed"
    for number, before in enumerate(KILLS.values()):  # one after the other, all on the same store
        assert work(repeated, folder, before) == -signal.SIGKILL
        finished = number == len(KILLS) - 1
        assert bool(list(folder.glob("manifest-*.json"))) == finished
    assert (folder / "stage").exists()
    assert work(repeated, folder) == 0
    killed = MoleculeStore.open(folder)
    assert killed.content_hash == whole.content_hash
    assert check_store(folder) == []
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.folder.iterdir()}


def test_ctrl_c_ends_the_workers_and_the_same_command_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smiles = twin_smiles(300, seed=1) * 10
    path = write(tmp_path / "t.csv", ["smiles,y", *(f"{text},{number}.5" for number, text in enumerate(smiles))])
    code = (
        "import sys; from pathlib import Path; from hooke.core.how import How; from hooke.molecules.tables.ingest import ingest\n"
        "from hooke.molecules.tables.description import Table; from hooke.molecules.tables import reading; reading.CHUNK_ROWS = 100\n"
        "ingest([Table(duplicates='keep_all', paths=(Path(sys.argv[1]),))], Path(sys.argv[2]), How(2, False))"
    )
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "s")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    stage = tmp_path / "s" / "stage"
    while len(list(stage.glob("*.npz"))) < 3 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the command
    _, stderr = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in stderr
    with pytest.raises(ProcessLookupError):  # nobody of its session is left
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    with pytest.raises(DataError, match="no manifest"):
        MoleculeStore.open(tmp_path / "s")
    assert len(list(stage.glob("*.npz"))) >= 3
    monkeypatch.setattr(tables, "CHUNK_ROWS", 100)
    store, _ = ingest(path, tmp_path / "s", duplicates="keep_all")
    assert len(store) == 3000


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["C", "CO", "OC", "[Na+].[Cl-]", "", "C(", "c1ccccc1"]), st.text(max_size=6), st.text(max_size=4)),
        min_size=1, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_table_is_accounted_for(rows: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    text = "\n".join(["smiles,y,z", "CCCC,1,2", *(",".join(row) for row in rows)])
    path = folder / "t.csv"
    path.write_bytes(text.encode(errors="replace"))
    store, report = ingest(path, folder / "s", LabelOptions(("y", "z")))
    read = sum(len(chunk) for chunk in tables.read_table(path))
    rejected = pl.read_parquet(folder / "s" / "rejected.parquet").filter(pl.col("what") == "row")
    merged = pl.read_parquet(folder / "s" / "duplicates.parquet")
    assert sorted([*store.source_rows().tolist(), *rejected["row"], *merged["row"]]) == list(range(1, read + 1))
    assert report.rows_read == read


def test_found_again_by_content(tmp_path: Path) -> None:
    def prepared(path: Path, how: How = QUIET) -> MoleculeStore:
        return prepare_tables([Table(LabelOptions(("log_p",)), paths=(path,))], tmp_path / "stores", "t", how)

    table = write_twin_table(tmp_path / "t.csv", seed=0, rows=12)
    first = prepared(table)
    stamp = (first.folder / "manifest-000001.json").stat().st_mtime_ns
    copy = tmp_path / "elsewhere" / "t.csv"
    copy.parent.mkdir()
    copy.write_bytes(table.read_bytes())
    again = prepared(copy)
    assert again.folder == first.folder
    assert (again.folder / "manifest-000001.json").stat().st_mtime_ns == stamp
    assert prepared(table, How(0, False, {"encodings": EncodingConfig(random_walk=2)})).folder != first.folder
    table.write_text(table.read_text() + "CCCCCCCC,1,0\n")
    assert len(prepared(table)) == len(first) + 1
    with pytest.raises(DataError, match="no file"):
        prepared(tmp_path / "none.csv")
    assert store_folder(tmp_path, "x", [1]) == store_folder(tmp_path, "x", [1]) != store_folder(tmp_path, "x", [2])


def test_stores_are_found_again(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "C,1", "CC,3"])
    own = Table(LabelOptions(units={"y": "nM"}), "smiles", paths=(path,), duplicates="median")
    published = Table((("y", Label("y", unit="h")),), "smiles", duplicates="keep_all", paths=(path,))
    names = [prepare_tables([table], tmp_path, "t", QUIET).folder.name for table in (own, published)]
    mixed = replace(published, name="a", by_columns=True)
    names.append(prepare_tables([mixed], tmp_path, "t", QUIET).folder.name)
    assert names == ["t-7d0ceaa5fd12", "t-ee0428bd36e7", "t-8ee550581de2"]


def test_every_part_of_a_description_makes_another_store(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y,z", "C,1,1", "CC,3,0"])
    plain = Table((("y", Label("y")),), paths=(path,))
    changes: list[dict[str, Any]] = [
        {}, {"smiles": "smiles"}, {"duplicates": "first"}, {"parts": ("test",)}, {"paths": (path, path)},
        {"columns": (("z", Label("y")),)}, {"columns": (("y", Label("y", unit="h")),)}, {"name": "a"},
    ]  # fmt: skip
    folders = {prepare_tables([replace(plain, **change)], tmp_path, "t", QUIET).folder for change in changes}
    assert len(folders) == len(changes)


def test_the_summary_names_the_reasons(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["smiles,y", "C,1", "bad,3"])
    store, _ = ingest(path, tmp_path / "s")
    assert ingest_summary(store).startswith("2 rows: 1 molecules kept, 1 rejected")
    assert "first: row 2, smiles: SMILES does not parse" in ingest_summary(store)
    assert ingest_summary(store).endswith(f"reasons in {store.folder / 'rejected.parquet'}")

"""`hooke predict`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

SMALL = ("model.width=16", "model.depth=2", "train.epochs=2", "train.ensemble=2", "train.threads=1")


def test_predict_a_hostile_table(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    lines = ["name,smiles", "good,CCO", "bad,C1CC", "empty,", "salt,[Na+].[Cl-]", f"long,{'C' * 1_000_000}", "same,CCO"]
    Path("new.csv").write_text("\n".join(lines) + "\n")
    found = hooke("predict", "runs/csv", "new.csv", "-o", "out.parquet", "--workers", "1")
    assert found.code == 0, found.err
    rows = pl.read_parquet("out.parquet")
    assert rows["name"].to_list() == ["good", "bad", "empty", "salt", "long", "same"]
    assert rows["log_p"].is_null().to_list() == [False, True, True, False, True, False]
    assert rows["reason"].is_null().to_list() == [True, False, False, True, False, True]
    assert rows["log_p"][0] == pytest.approx(rows["log_p"][5], rel=1e-4, abs=1e-5)
    shown = json.loads(hooke("predict", "runs/csv", "new.csv", "-o", "out.csv", "--json", "--workers", "1").out)
    assert shown["rows"] == 6
    assert len(pl.read_csv("out.csv", infer_schema_length=None)) == 6


def test_files_as_chemists_have_them(hooke, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """SD files out, stdin and stdout, workbooks in and out, and what was left out beside the run."""
    pytest.importorskip("openpyxl")
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    [run] = Path("runs/csv").iterdir()
    listed = pl.read_csv(run / "rejected.csv") if (run / "rejected.csv").exists() else pl.DataFrame()
    metadata = json.loads((run / "run.json").read_text())
    assert len(listed) == len(pl.read_parquet(Path(metadata["store"]) / "rejected.parquet"))
    Path("new.csv").write_text("id,smiles\nCPD-7,CCO\nx,bad\n")
    found = hooke("predict", "runs/csv", "new.csv", "-o", "out.sdf", "--workers", "1")
    assert found.code == 0, found.err
    records = Path("out.sdf").read_text().split("$$$$\n")
    assert len(records) == 3
    assert ">  <log_p>" in records[0]
    assert "CPD-7" in records[0]
    assert ">  <reason>" in records[1]
    assert hooke("predict", "runs/csv", "new.csv", "-o", "out.xlsx", "--workers", "1").code == 0
    assert hooke("predict", "runs/csv", "out.xlsx", "-o", "again.csv", "--workers", "1").code == 0
    assert pl.read_csv("again.csv")["id"].to_list() == ["CPD-7", "x"]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"CCO ethanol\nC1CC bad\n")))
    written = hooke("predict", "runs/csv", "-", "-o", "-", "--workers", "1")
    assert written.code == 0, written.err
    rows = pl.read_csv(io.StringIO(written.out))
    assert rows["name"].to_list() == ["ethanol", "bad"]
    assert rows["log_p"].is_null().to_list() == [False, True]
    assert "2 rows: 1 done, 1 rejected" in written.err
    assert hooke("predict", "runs/csv", "new.csv", "-o", "-", "--json").code == 2


def test_a_hostile_table_through_fit_and_predict(hooke) -> None:  # type: ignore[no-untyped-def]
    """Semicolons, a byte-order mark, bad and empty SMILES, mixed types, a peptide, single atoms, salts, conflicts, a line of 10^6."""
    alkanes = [
        f"{'C' * length}{end};{length / 3:.2f};x" for length in range(1, 11) for end in ("", "O", "N", "Cl", "=O")
    ]
    peptide = "N[C@@H](C)C(=O)" * 60 + "O"
    hostile = [
        "C1CC;1;bad", ";2;empty", "not smiles;3;", f"{peptide};4;peptide", "[He];0.1;atom", "[Na+].[Cl-];5;salt",
        "CC(=O)O.NCC;1.5;two parts", "c1ccccc1;1;first", "C1=CC=CC=C1;9;conflict", "CCS;high;text", "CCBr;;none", "CCF;>10;censored",
        f"{'C' * 1_000_000};1;long", "CO;1;x;one cell too many",
    ]  # fmt: skip
    lines = ["smiles;y;note", *alkanes, *hostile]
    Path("hostile.csv").write_bytes(("\ufeff" + "\n".join(lines) + "\n").encode())
    options = ("--csv", "hostile.csv", "--targets", "y", "--no-report", "--workers", "1")
    assert hooke("fit", *SMALL, *options).code == 0
    [run] = Path("runs/csv").iterdir()
    split = pl.read_parquet(run / "split.parquet")
    prepared = json.loads(hooke("data", "prepare", "csv", "path=hostile.csv", 'targets=["y"]', "--json").out)
    ingest = prepared["ingest"]
    assert ingest["rows_read"] == len(lines) - 1
    assert ingest["rows_read"] == ingest["rows_kept"] + ingest["rows_rejected"] + ingest["duplicates_merged"]
    assert ingest["rows_kept"] == len(split) == prepared["molecules"]
    assert hooke("predict", "runs/csv", "hostile.csv", "-o", "out.parquet", "--workers", "1").code == 0
    rows = pl.read_parquet("out.parquet")
    assert len(rows) == len(lines) - 1
    assert (rows["y"].is_null() == rows["reason"].is_not_null()).all()
    assert rows["reason"].is_not_null().sum() == 5


def test_a_page_explains_the_predictions(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    Path("new.csv").write_text("smiles\nCCO\nC1CC\nc1ccccc1O\n")
    command = ("predict", "runs/csv", "new.csv", "-o", "out.csv", "--workers", "1", "--explain", "atoms.html")
    found = hooke(*command, "--explain-label", "log_p")
    assert found.code == 0, found.err
    assert "explained log_p: atoms.html" in found.out
    assert "as many random ones" in found.out
    assert Path("atoms.html").read_text().count("<svg") == 2
    shown = json.loads(hooke(*command, "--json").out)
    assert shown["explained"]["molecules"] == 2
    refused = hooke(*command, "--explain-label", "log_b")
    assert refused.code != 0
    assert "Did you mean 'log_p'" in refused.err


def test_profiles_of_a_store(hooke) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", "tiny_profiles", "model.name=nearest", "--no-report", "--workers", "0").code == 0
    [store] = Path("cache/stores").glob("screen_profiles-*")
    found = json.loads(hooke("predict", "runs/tiny_profiles", store, "-o", "out.parquet", "--json").out)
    assert (found["rows"], found["done"], found["simulated"]) == (39, 39, True)
    rows = pl.read_parquet("out.parquet")
    assert (rows["gene"].is_in(rows["gene_input"].drop_nulls().implode())).all()
    assert rows["gene_set"].is_not_null().all()
    assert (
        "smiles_column is no option"
        in hooke("predict", "runs/tiny_profiles", store, "-o", "b.csv", "--smiles", "x").err
    )

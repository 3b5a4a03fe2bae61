"""What comes in = what is used + what is listed with a reason, for every kind of table of molecules, packed or not."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import polars as pl
import pytest
from rdkit import Chem

import hooke
from hooke.core.workbooks import workbook_of
from hooke.molecules.tables.ingest import REJECTED
from hooke.molecules.tables.twins import twin_smiles

GOOD = twin_smiles(12, seed=3)
ROWS = [
    *((text, str(number)) for number, text in enumerate(GOOD)),
    (GOOD[0], "0"),
    ("no molecule", "3"),
    ("", "4"),
    (GOOD[1], "n.t."),
]


def _sdf() -> str:
    records = []
    for text, value in ROWS:
        molecule = Chem.MolFromSmiles(text) if text and text != "no molecule" else None
        block = "broken\n" if molecule is None else Chem.MolToMolBlock(molecule)
        records.append(f"{block}>  <y>  (1)\n{value}\n\n$$$$\n")
    return "".join(records)


def _text(delimiter: str = ",") -> str:
    return "".join(f"{delimiter.join(row)}\n" for row in [("smiles", "y"), *ROWS])


def write(path: Path) -> None:
    name = path.name
    if name.endswith(".sdf"):
        path.write_text(_sdf())
    elif name.endswith(".parquet"):
        pl.DataFrame(ROWS, schema=["smiles", "y"], orient="row").write_parquet(path)
    elif name.endswith(".xlsx"):
        path.write_bytes(workbook_of(["smiles", "y"], ROWS))
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(_text().encode("utf-16-le")))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", _text(";"))
    else:
        path.write_text(_text("\t" if name.endswith(".tsv") else ","))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.csv.zip", "t.parquet", "t.xlsx", "t.sdf"])
def test_rows_add_up(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    store = hooke.prepare_data(
        "csv", [f"path={tmp_path / name}"], folder=tmp_path / "stores", workers=0, show_progress=False
    )
    report = store.metadata["ingest"]
    assert report["rows_read"] == len(ROWS)
    assert (report["rows_kept"], report["rows_rejected"], report["duplicates_merged"]) == (12, 2, 2)
    assert len(store) == report["rows_kept"]
    listed = pl.read_parquet(store.folder / REJECTED)
    assert listed["reason"].null_count() == 0
    assert sorted(listed["row"].to_list()) == [
        14,
        15,
        16,
    ]  # two rows without a molecule, and a cell that is not a number
    assert report["label_problems"] == 1


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.xlsx", "t.sdf"])
def test_every_row_comes_out_with_a_vector_or_a_reason(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    report = hooke.embed("tiny", tmp_path / name, tmp_path / "v.parquet", workers=0, show_progress=False)
    assert (report.rows, report.done, report.rejected) == (len(ROWS), len(ROWS) - 2, 2)
    table = pl.read_parquet(tmp_path / "v.parquet")
    assert table["row"].to_list() == list(range(1, len(ROWS) + 1))
    assert table.select((pl.col("embedding").is_null() == pl.col("reason").is_not_null()).all()).item()

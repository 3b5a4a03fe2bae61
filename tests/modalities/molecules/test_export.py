from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from hooke.core.workbooks import sheet_rows
from hooke.modalities.molecules.export import write_predictions
from hooke.molecules.tables.reading import read_table

ROWS = {
    "row": [1, 2], "smiles": ["CCO", "bad"], "id": ["CPD-7", "x"], "y": [1.25, None], "y (low)": [1.0, None], "y (high)": [1.5, None],
    "reason": [None, "it is not a SMILES"],
}  # fmt: skip


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    pq.write_table(pa.table(ROWS), tmp_path / "p.parquet")
    return tmp_path / "p.parquet"


def test_sd_files_have_a_record_for_every_row(predictions: Path, tmp_path: Path) -> None:
    write_predictions(predictions, tmp_path / "p.sdf", "smiles")
    first, second = Chem.SDMolSupplier(str(tmp_path / "p.sdf"))
    assert Chem.MolToSmiles(first) == "CCO"
    assert first.GetNumConformers() == 1
    assert first.GetPropsAsDict() == {
        "row": 1,
        "smiles": "CCO",
        "id": "CPD-7",
        "y": 1.25,
        "y (low)": 1,
        "y (high)": 1.5,
    }
    assert second.GetNumAtoms() == 0
    assert second.GetProp("reason") == "it is not a SMILES"


def test_workbooks(predictions: Path, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    write_predictions(predictions, tmp_path / "p.xlsx", "smiles")
    header, first, second = sheet_rows(tmp_path / "p.xlsx")
    assert header == list(ROWS)
    assert first == ["1", "CCO", "CPD-7", "1.25", "1", "1.5", ""]
    assert second[-1] == "it is not a SMILES"
    [chunk] = read_table(tmp_path / "p.xlsx")
    assert chunk.columns["id"] == ["CPD-7", "x"]

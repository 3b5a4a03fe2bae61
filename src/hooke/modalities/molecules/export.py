"""Predictions of molecules as files that chemists open: SD files with the predictions and their intervals as properties, Excel workbooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rdkit import Chem
from rdkit.Chem import rdDepictor

from hooke.core.files import replacing, write_durably
from hooke.core.workbooks import XLSX, workbook_of

SDF = ".sdf"
_BLOCK = 1024  # rows


def write_predictions(predictions: Path, output: Path, smiles: str) -> None:
    """Write all rows of predictions as an SD file or a workbook.

    An SD file has a record for every row, in order: the molecule with 2D coordinates and all cells of the row as properties; a row that
    holds no molecule has a record without atoms, and its reason.

    Args:
        predictions: Parquet.
        output: .sdf or .xlsx.
        smiles: Column of the SMILES.
    """
    if output.suffix.lower() == XLSX:
        header = pq.read_schema(predictions).names
        write_durably(output, workbook_of(header, (list(row.values()) for row in _rows(predictions))))
        return
    with replacing(output) as temporary, Chem.SDWriter(str(temporary)) as writer:
        for row in _rows(predictions):
            writer.write(_record(row, smiles))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(path).iter_batches(_BLOCK):
        yield from batch.to_pylist()


def _record(row: dict[str, Any], smiles: str) -> Chem.Mol:
    text = str(row.get(smiles) or "")
    molecule = Chem.MolFromSmiles(text) if text and row.get("reason") is None else None
    record = Chem.Mol() if molecule is None else molecule
    if record.GetNumAtoms():
        rdDepictor.Compute2DCoords(record)
    for name, value in row.items():
        if value is not None and str(value) != "":
            shown = f"{value:.9g}" if isinstance(value, float) else str(value)
            record.SetProp(
                name.replace("<", "(").replace(">", ")").replace("\n", " "), "\n".join(filter(None, shown.splitlines()))
            )
    return record

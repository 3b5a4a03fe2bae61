"""Files of geometries beside the Parquet file that has all rows; written in full by `tests/workflows/test_relaxation.py`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hooke.modalities.atoms.export import table_rows, whole_file, write_results


def test_all_rows_lie_beside(tmp_path: Path) -> None:
    assert whole_file(tmp_path / "out.parquet") == tmp_path / "out.parquet"
    assert whole_file(tmp_path / "out.extxyz") == tmp_path / "out.extxyz.parquet"


def test_rows_without_a_geometry_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"name": "a", "charge": 1, "multiplicity": 2, "z": [8, 1], "pos": [0.0, 0, 0, 0, 0, 1], "energy": -1.5, "forces": [0.0] * 6,
         "cell": None, "periodic": None, "steps": 3, "outcome": "converged"},
        {"name": None, "charge": None, "multiplicity": None, "z": None, "pos": None, "energy": None, "forces": None, "cell": None,
         "periodic": None, "steps": None, "outcome": None},
    ]  # fmt: skip
    path, output = tmp_path / "all.parquet", tmp_path / "some.extxyz"
    pq.write_table(pa.Table.from_pylist(rows[:1] * 2 + rows[1:]), path)
    write_results(path, output, None, ("steps",), {"energy_unit": "eV"})
    lines = output.read_text().splitlines()
    assert len(lines) == 8
    assert 'energy=-1.5 steps=3.0 charge=1 multiplicity=2 name="a"' in lines[1]
    assert 'energy_unit="eV"' in lines[1]
    assert [row["name"] for row in table_rows(path)] == ["a", "a", None]

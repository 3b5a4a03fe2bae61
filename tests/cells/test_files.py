from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.files import file_hash, join_metadata, measured, read_measured, read_profiles
from hooke.cells.profiles import Profiles
from hooke.cells.store import ProfileStore
from hooke.core.errors import DataError, UsageError


def test_every_kind_of_file(tmp_path: Path) -> None:
    metadata = pl.DataFrame({"plate": ["p"], "well": ["A01"]})
    ours = Profiles.of_embeddings(np.ones((1, 2)), metadata).write(tmp_path / "ours.parquet")
    assert read_profiles(ours).values.tolist() == [[1, 1]]
    theirs = pl.DataFrame({"Metadata_Well": ["A01"], "Metadata_number": [4], "Cells_Area": [2.0]})
    theirs.write_parquet(tmp_path / "theirs.parquet")
    assert read_profiles(tmp_path / "theirs.parquet").features == ("Cells_Area",)
    theirs.write_csv(tmp_path / "theirs.csv")
    assert read_profiles(tmp_path / "theirs.csv").column("well").tolist() == ["A01"]
    (tmp_path / "deep" / "P1").mkdir(parents=True)
    np.savez(tmp_path / "deep" / "P1" / "A01_1.npz", features=np.zeros((2, 3)))
    assert read_profiles(tmp_path / "deep").values.shape == (2, 3)


def test_a_store_and_its_hash(wells: Profiles, tmp_path: Path) -> None:
    store = ProfileStore.write(wells, tmp_path / "store")
    found = read_profiles(store.folder)
    assert np.array_equal(found.values, wells.values)
    assert found.metadata.equals(wells.metadata)
    table = tmp_path / "arms.csv"
    table.write_text("gene,arm\nGENE00,1p\n")
    assert read_profiles(store.folder, table).column("arm").tolist().count("1p") == 8
    before = file_hash(store.folder)
    assert before == file_hash(store.folder)
    (store.folder / "more.txt").write_text("")
    assert file_hash(store.folder) != before
    assert file_hash(table) != before
    with pytest.raises(DataError, match="no file"):
        file_hash(tmp_path / "none.csv")


def test_a_table_of_nobody_in_particular(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("plate,well,gene,site,first,second\n1,A01,TP53,1,0.5,nan\n1,A02,,1,1.5,2\n")
    found = read_profiles(path)
    assert found.features == ("first", "second")
    assert np.isnan(found.values[0, 1])
    assert found.column("plate").tolist() == ["1", "1"]
    assert found.column("gene").tolist() == ["TP53", ""]


def test_names_of_cellprofiler_in_a_file_of_ours(tmp_path: Path) -> None:
    metadata = pl.DataFrame({"entity": ["A"], "replicates": [3]})
    path = Profiles(np.ones((1, 1)), metadata, ("Cells_Area",)).write(tmp_path / "map.parquet")
    assert read_profiles(path).metadata.equals(metadata)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="DeepProfiler fields"):
        read_profiles(tmp_path / "empty")
    with pytest.raises(UsageError, match="read from"):
        read_profiles(tmp_path / "wells.xlsx")
    with pytest.raises(DataError, match="no file"):
        read_profiles(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read"):
        read_profiles(tmp_path / "bad.parquet")


def test_metadata_are_joined(tmp_path: Path) -> None:
    profiles = Profiles.of_embeddings(np.zeros((2, 1)), pl.DataFrame({"plate": ["1", "1"], "well": ["A01", "A02"]}))
    table = tmp_path / "plates.csv"
    table.write_text("plate,well,gene\n1,A02,TP53\n")
    assert join_metadata(profiles, table).column("gene").tolist() == ["", "TP53"]
    path = profiles.write(tmp_path / "wells.parquet")
    assert read_profiles(path, table).column("gene").tolist() == ["", "TP53"]
    pl.DataFrame({"well": ["A01"], "gene": ["X"]}).write_parquet(tmp_path / "plates.parquet")
    assert join_metadata(profiles, tmp_path / "plates.parquet").column("gene").tolist() == ["X", ""]
    table.write_text("plate,gene\n1,TP53\n1,MYC\n")
    with pytest.raises(DataError, match="several rows for one plate"):
        join_metadata(profiles, table)
    table.write_text("dish,gene\n1,TP53\n")
    with pytest.raises(UsageError, match="share no column"):
        join_metadata(profiles, table)
    with pytest.raises(DataError, match="no metadata table"):
        join_metadata(profiles, tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read"):
        join_metadata(profiles, tmp_path / "bad.parquet")


def test_rows_that_find_no_other_side_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However wells and plates are written; profiles in = joined + without a row, rows in = joined + without a profile."""
    metadata = pl.DataFrame({"plate": ["1", "1", "2"], "well": ["A01", "A02", "A01"]})
    profiles = Profiles.of_embeddings(np.zeros((3, 1)), metadata)
    (tmp_path / "t.csv").write_text(
        "Metadata_Plate;Metadata_Well;Symbol;pert_type\nPlate1;a1;TP53;trt\nPlate1;a2;;negcon\n3;B1;MYC;trt\n"
    )
    joined = join_metadata(profiles, tmp_path / "t.csv")
    assert joined.metadata.select("plate", "well", "gene", "control").rows() == [
        ("1", "A01", "TP53", ""), ("1", "A02", None, "negative"), ("2", "A01", None, ""),
    ]  # fmt: skip
    assert caplog.messages[-2:] == [
        "t.csv: 1 of 3 profiles have no row in it, such as 2/A01", "t.csv: 1 of its 3 rows have no profile, such as 3/B01",
    ]  # fmt: skip
    (tmp_path / "t.csv").write_text("plate,well,gene\nX,A01,TP53\n")
    with pytest.raises(
        DataError, match="none of its 1 rows has a plate . well of the profiles: theirs are such as X/A01"
    ):
        join_metadata(profiles, tmp_path / "t.csv")


def test_plates_are_text_and_text_cells_drop_no_feature(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"1E10,A{well:02d},control,poscon,{well},{well}.5,{well}" for well in range(1, 5)]
    lines[1] = "007,A02,control,negcon,#DIV/0!,Infinity,2"
    text = (
        "Metadata_Plate,Metadata_Well,Metadata_pert_type,Metadata_control_type,Cells_A,Cells_B,Cells_C\n"
        + "\n".join(lines)
    )
    (tmp_path / "cp.csv").write_text(text)
    found = read_measured(tmp_path / "cp.csv")
    assert found.features == ("Cells_A", "Cells_B", "Cells_C")
    assert found.column("plate").tolist() == ["1E10", "007", "1E10", "1E10"]
    assert found.column("control").tolist() == ["positive", "negative", "positive", "positive"]
    assert np.isnan(found.values[1, 0])
    assert any("1 x '#DIV/0!' in Cells_A" in message for message in caplog.messages)
    assert any(
        "2 values in 2 features and 1 rows are missing or infinite, the first in Cells_A of 007/A02" in line
        for line in caplog.messages
    )


def _embedded(path: Path, vectors: list[list[float] | None], kind: pl.DataType) -> Path:
    """A table as `hooke embed` writes it: three wells, those without a vector with a reason."""
    reasons = [None if vector else "the embedding is not finite" for vector in vectors]
    columns = {"plate": ["p"] * len(vectors), "well": ["A01", "A02", "A03"], "fields": [2, 1, 2], "reason": reasons}
    pl.DataFrame(columns).with_columns(pl.Series("embedding", vectors, dtype=kind)).write_parquet(path)
    return path


@pytest.mark.parametrize("kind", [pl.Array(pl.Float32, 2), pl.List(pl.Float32)])
def test_rows_without_a_vector_are_counted_and_left_out(
    kind: pl.DataType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _embedded(tmp_path / "wells.parquet", [[1, 2], None, [3, 4]], kind)
    whole = read_profiles(path)
    assert np.isnan(whole.values).all(axis=1).tolist() == [False, True, False]
    with caplog.at_level(logging.WARNING):
        found = read_measured(path)
    assert found.values.tolist() == [[1, 2], [3, 4]]
    assert found.metadata.columns == ["plate", "well", "fields"]
    assert found.column("well").tolist() == ["A01", "A03"]
    expected = "wells.parquet: 1 of 3 rows hold no number and are left out: 1 × the embedding is not finite"
    assert [record.getMessage() for record in caplog.records] == [expected]


def test_whole_tables_are_read_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _embedded(tmp_path / "wells.parquet", [[1, 2], [0, 1], [3, 4]], pl.Array(pl.Float32, 2))
    found = read_measured(path)
    assert (len(found), "reason" in found.metadata.columns, caplog.records) == (3, False, [])
    named = Profiles(np.array([[1, np.nan]]), pl.DataFrame({"reason": ["stained twice"]}), ("a", "b"))
    assert measured(named, "x").metadata["reason"].to_list() == ["stained twice"]


def test_a_table_without_any_vector_is_refused(tmp_path: Path) -> None:
    path = _embedded(tmp_path / "wells.parquet", [None, None, None], pl.Array(pl.Float32, 2))
    with pytest.raises(DataError, match="none of the 3 rows holds a number"):
        read_measured(path)

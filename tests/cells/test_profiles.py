from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.files import read_profiles
from hooke.cells.profiles import (
    EMBEDDING,
    Profiles,
    embedding_names,
    feature_places,
    refuse_pointer,
    split_table,
)
from hooke.core.errors import DataError, UnknownNameError, UsageError


def some(features: tuple[str, ...] | None = None) -> Profiles:
    values = np.arange(12, dtype=np.float64).reshape(4, 3)
    metadata = pl.DataFrame({"plate": [1, 1, 2, 2], "gene": ["A", None, "B", "B"], "note": ["x", "y", "z", "w"]})
    return Profiles(values, metadata, features) if features else Profiles.of_embeddings(values, metadata)


def test_fields_and_rows() -> None:
    profiles = some()
    assert profiles.values.dtype == np.float32
    assert len(profiles) == 4
    assert profiles.dim == 3
    assert profiles.metadata["plate"].dtype == pl.String  # a standard column gets its type
    assert profiles.column("gene").tolist() == ["A", "", "B", "B"]
    assert profiles.take(np.array([True, False, False, True])).column("note").tolist() == ["x", "w"]
    assert profiles.take(np.array([3, 0])).values[:, 0].tolist() == [9, 0]
    with pytest.raises(UnknownNameError, match="Did you mean 'plate'"):
        profiles.column("plates")


def test_other_numbers_for_the_same_rows() -> None:
    named = some(("a", "b", "c"))
    assert named.with_values(2 * named.values).features == ("a", "b", "c")
    assert named.with_values(named.values[:, :2]).features == embedding_names(2)
    assert named.with_values(named.values[:, :1], ["only"]).features == ("only",)


def test_features_become_metadata() -> None:
    named = some(("a", "b", "c"))
    moved = named.features_as_metadata(["b", "gene"])
    assert moved.features == ("a", "c")
    assert np.array_equal(moved.values, named.values[:, [0, 2]])
    assert moved.column("b").tolist() == named.values[:, 1].tolist()
    assert named.features_as_metadata([]).features == named.features
    with pytest.raises(UnknownNameError, match="Did you mean 'gene'"):
        named.features_as_metadata(["genes"])
    with pytest.raises(DataError, match="no feature is left"):
        named.features_as_metadata(["a", "b", "c"])


def test_places_of_features() -> None:
    assert feature_places(("a", "b", "c"), ("c", "a")).tolist() == [2, 0]
    with pytest.raises(DataError, match="1 of 2 features are not in this table, such as 'd'"):
        feature_places(("a", "b"), ("a", "d"))
    assert feature_places(embedding_names(3), embedding_names(3)).tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="these embeddings have 3 numbers, not 2"):
        feature_places(embedding_names(3), embedding_names(2))
    assert feature_places(("a", *embedding_names(3)), embedding_names(2)).tolist() == [1, 2]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        Profiles(np.zeros((2, 3)), pl.DataFrame({"gene": ["A"]}), ("a", "b", "c"))
    with pytest.raises(DataError, match="unique"):
        Profiles(np.zeros((1, 2)), pl.DataFrame({"gene": ["A"]}), ("a", "a"))
    with pytest.raises(DataError, match="unique"):
        Profiles(np.zeros((1, 1)), pl.DataFrame({"gene": ["A"]}), ("gene",))
    with pytest.raises(DataError, match="column 'site' holds 'first', which is not a number"):
        Profiles(np.zeros((1, 1)), pl.DataFrame({"site": ["first"]}), ("a",))


@pytest.mark.parametrize("features", [None, ("Cells_Area", "Nuclei_Area", "Cells_Texture")])
def test_parquet_round_trip(features: tuple[str, ...] | None, tmp_path: Path) -> None:
    profiles = some(features)
    counted = profiles.metadata.with_columns(
        cell_count=pl.Series([1, 2, 3, 4]), layout_x=0.5
    )  # numbers, but no features
    profiles = Profiles(profiles.values, counted, profiles.features)
    path = profiles.write(tmp_path / "new" / "wells.parquet")
    again = Profiles.read(path)
    assert np.array_equal(again.values, profiles.values)
    assert again.metadata.equals(profiles.metadata)
    assert again.features == profiles.features
    assert (EMBEDDING in pl.read_parquet_schema(path)) == (features is None)
    assert [entry.name for entry in path.parent.iterdir()] == ["wells.parquet"]


def test_files_of_others(tmp_path: Path) -> None:
    lists = split_table(pl.DataFrame({"well_id": ["a", "b"], "embedding": [[1.0, 2.0], [3.0, 4.0]]}), "lists")
    assert lists.values.tolist() == [[1, 2], [3, 4]]
    columns = pl.DataFrame(
        {"well_id": ["a"], "Metadata_Site": [1], "site": [2], "f0": [0.5], "f1": [None]},
        schema_overrides={"f1": pl.Float64},
    )
    columns.write_parquet(tmp_path / "theirs.parquet")
    read = Profiles.read(tmp_path / "theirs.parquet")
    assert read.features == ("f0", "f1")
    assert np.isnan(read.values[0, 1])
    with pytest.raises(DataError, match="one length"):
        split_table(pl.DataFrame({"embedding": [[1.0], [1.0, 2.0]]}), "ragged")
    gap = split_table(pl.DataFrame({"embedding": [[1.0, 2.0], None]}), "without a vector for one row")
    assert np.array_equal(gap.values, [[1, 2], [np.nan, np.nan]], equal_nan=True)
    with pytest.raises(DataError, match="no numbers"):
        split_table(pl.DataFrame({"gene": ["A"]}), "words")


def test_damaged_and_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        Profiles.read(tmp_path / "none.parquet")
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="cannot be read"):
        Profiles.read(bad)
    pointer = tmp_path / "pointer.parquet"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(DataError, match="Git LFS pointer"):
        Profiles.read(pointer)
    with pytest.raises(DataError, match="Git LFS"):
        refuse_pointer(pointer)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=r"a\.txt"):
        Profiles.read(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="written as"):
        some().write(tmp_path / "a.csv")
    newer = tmp_path / "newer.parquet"
    pl.DataFrame({"f": [1.0]}).write_parquet(newer, metadata={"hooke.profiles": "9"})
    with pytest.raises(DataError, match="newer Hooke"):
        Profiles.read(newer)


def test_a_missing_column_names_the_way_out(tmp_path: Path) -> None:
    pl.DataFrame({"plate": ["P1"], "well": ["A01"], "a": [1.0]}).write_csv(tmp_path / "wells.csv")
    profiles = read_profiles(tmp_path / "wells.csv")
    with pytest.raises(UnknownNameError, match="Valid: .*; --metadata joins a table that has it"):
        profiles.column("control")
    with pytest.raises(UnknownNameError, match="; --batch names the column of the batches"):
        profiles.column("batch")

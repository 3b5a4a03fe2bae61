from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.images.reading.metadata import (
    STANDARD,
    Refused,
    complete,
    join_metadata,
    read_metadata,
    refused_table,
    standard_names,
)


def _sites(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["experiment", "plate", "well", "site"], orient="row")


def test_rxrx1_names(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(
        "site_id,well_id,cell_type,dataset,experiment,plate,well,site,well_type,sirna,sirna_id\n"
        "H_1_B02_1,H_1_B02,HUVEC,train,HUVEC-01,1,B02,1,negative_control,EMPTY,1138\n"
        "H_1_C5_2,H_1_C05,HUVEC,train,HUVEC-01,1,C5,2,treatment,s22482,30\n"
    )
    table = read_metadata(path)
    assert table["control"].to_list() == ["negative", ""]
    assert table["perturbation"].to_list() == ["EMPTY", "s22482"]
    assert table["plate"].to_list() == ["1", "1"]
    assert table["well"].to_list() == ["B02", "C05"]
    assert table["column"].to_list() == [2, 5]
    assert table["sirna_id"].to_list() == ["1138", "30"]


def test_jump_names_and_parquet(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "Metadata_Batch": ["b"],
            "Metadata_Plate": ["BR1"],
            "Metadata_Well": ["P24"],
            "Metadata_Symbol": ["TP53"],
            "Metadata_pert_type": ["trt"],
            "Metadata_JCP2022": ["JCP2022_1"],
        }
    )
    table.write_parquet(tmp_path / "a.parquet")
    found = complete(read_metadata(tmp_path / "a.parquet").with_columns(pl.lit(1).cast(pl.Int64).alias("site")))
    assert tuple(found.columns) == tuple(STANDARD)
    row = found.row(0, named=True)
    assert (row["batch"], row["perturbation_type"], row["row"], row["column"]) == ("b", "gene", 16, 24)
    assert row["concentration_um"] is None


def test_numbers_as_plates_and_concentrations(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(
        "plate\taddress\tconcentration\tperturbation_type\n7\tAA03\t0.25\tCOMPOUND\n7\tAA04\t\tCRISPR\n"
    )
    table = read_metadata(tmp_path / "a.tsv")
    assert table["concentration_um"].to_list() == [0.25, None]
    assert table["perturbation_type"].to_list() == ["compound", "gene"]
    floats = standard_names(pl.DataFrame({"plate": [3.0], "well": ["A1"]}))
    assert floats["plate"].to_list() == ["3"]


def test_own_names(tmp_path: Path) -> None:
    table = standard_names(pl.DataFrame({"Position": ["A1"], "Drug": ["x"]}), {"Position": "well", "Drug": "compound"})
    assert complete(table.with_columns(site=1, experiment=None, plate=None))["perturbation_type"].to_list() == [
        "compound"
    ]
    with pytest.raises(UnknownNameError, match="Did you mean 'Position'"):
        standard_names(pl.DataFrame({"Position": ["A1"]}), {"position": "well"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"plate": ["1"]}, "no column 'well'"),
        ({"well": ["A1"], "control": ["negativ"]}, "did you mean 'negative'"),
        ({"well": ["A1"], "site": ["one"]}, "column 'site' holds 'one', which is not a number"),
    ],
)
def test_tables_that_cannot_be_used(columns: dict[str, list[str]], message: str) -> None:
    with pytest.raises((DataError, UnknownNameError), match=message):
        standard_names(pl.DataFrame(columns))


def test_rows_without_a_well_cost_themselves_alone() -> None:
    table = standard_names(pl.DataFrame({"well": ["b2", "empty", None], "gene": ["TP53", "", ""]}))
    fields, refused = join_metadata(_sites(("", "p", "B02", 1)), table)
    assert fields["gene"].to_list() == ["TP53"]
    assert [(entry.kind, entry.reason.split(",")[0]) for entry in refused] == [
        ("no_well", "the metadata table has a row for 'empty'"), ("no_well", "the metadata table has a row for 'no well'"),
    ]  # fmt: skip


def test_plates_and_sites_are_joined_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Plate,Well,Site,Gene\nPlate1,b2,1.0,TP53\n002,B2,1,MYC\n", encoding="utf-16")
    table = read_metadata(tmp_path / "a.csv")
    fields, refused = join_metadata(_sites(("", "1", "B02", 1), ("", "2", "B02", 1)), table)
    assert refused == []
    assert fields.select("plate", "gene").rows() == [("1", "TP53"), ("2", "MYC")]


def test_nan_is_nothing(tmp_path: Path) -> None:
    table = pl.DataFrame({"well": ["A01", "A02"], "plate": [7.0, float("nan")], "compound": [float("nan")] * 2})
    table.write_parquet(tmp_path / "a.parquet")
    found = read_metadata(tmp_path / "a.parquet")
    assert found["plate"].to_list() == ["7", None]
    assert found["compound"].to_list() == [None, None]


def test_missing_and_damaged_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no metadata table"):
        read_metadata(tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        read_metadata(tmp_path / "a.parquet")


def test_join_by_what_both_have() -> None:
    sites = _sites(("", "", "A01", 1), ("", "", "A01", 2), ("", "", "B02", 1))
    table = pl.DataFrame({"experiment": ["e", "e"], "well": ["A01", "B02"], "gene": ["TP53", None]})
    fields, refused = join_metadata(sites, standard_names(table))
    assert refused == []
    assert fields["gene"].to_list() == ["TP53", "TP53", None]
    assert fields["site"].to_list() == [1, 2, 1]
    assert fields["batch"].to_list() == ["e", "e", "e"]  # the names say nothing, the table does
    assert fields["named_experiment"].to_list() == ["", "", ""]


def test_every_disagreement_is_reported() -> None:
    sites = _sites(("e", "1", "A01", 1), ("e", "1", "B02", 1), ("e", "1", "C03", 1))
    table = pl.DataFrame(
        {
            "experiment": ["e"] * 5,
            "plate": ["1"] * 5,
            "well": ["A01", "B02", "B02", "D04", "A01"],
            "gene": ["TP53", "ATM", "ATR", "MYC", "TP53"],
        }
    )
    fields, refused = join_metadata(sites, standard_names(table))
    assert fields["well"].to_list() == ["A01"]  # its two rows say the same
    assert [(entry.kind, entry.well) for entry in refused] == [
        ("duplicate", "B02"), ("no_metadata", "C03"), ("no_images", "D04"),
    ]  # fmt: skip
    assert refused_table(refused)["site"].to_list() == [None, 1, None]
    assert refused_table([]).columns == list(Refused.__dataclass_fields__)


def test_no_table() -> None:
    fields, refused = join_metadata(_sites(("", "p", "B02", 1)), None)
    assert refused == []
    assert fields.select("batch", "row", "column", "perturbation_type").row(0) == ("p", 2, 2, "none")

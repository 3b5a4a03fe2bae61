from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hooke.core.errors import DataError
from hooke.images.reading.metadata import standard_names
from hooke.images.reading.published import gathered, jump_metadata, rxrx1_metadata, rxrx3_metadata, wilds_split


def _experiments(dataset: bool) -> pl.DataFrame:
    rows = [
        (f"{kind}-{number:02d}", kind, site, "train" if number < 3 else "test")
        for kind in ("HUVEC", "RPE")
        for number in range(1, 6)
        for site in (1, 2)
    ]
    table = pl.DataFrame(rows, schema=["experiment", "cell_type", "site", "dataset"], orient="row")
    return table if dataset else table.drop("dataset")


def test_split_follows_the_table() -> None:
    split = wilds_split(_experiments(dataset=True))
    parts = {part: set(split.filter(split=part)["experiment"]) for part in ("train", "val", "test", "id_test")}
    assert parts["train"] == parts["id_test"] == {"HUVEC-01", "HUVEC-02", "RPE-01", "RPE-02"}
    assert parts["val"] == {"HUVEC-03", "RPE-03"}
    assert parts["test"] == {"HUVEC-04", "HUVEC-05", "RPE-04", "RPE-05"}
    assert split.filter(split="id_test")["site"].unique().to_list() == [2]
    stated = _experiments(dataset=True).with_columns(
        pl.when(pl.col("experiment") == "RPE-05").then(pl.lit("val")).otherwise("dataset").alias("dataset")
    )
    assert set(wilds_split(stated).filter(split="val")["experiment"]) == {"RPE-05"}


def test_split_without_a_statement() -> None:
    split = wilds_split(_experiments(dataset=False))
    assert set(split.filter(split="test")["experiment"]) == {"HUVEC-05", "RPE-05"}
    assert set(split.filter(split="val")["experiment"]) == {"HUVEC-04", "RPE-04"}
    with pytest.raises(DataError, match="too few experiments"):
        wilds_split(_experiments(dataset=False).filter(pl.col("experiment").str.ends_with("1")))


def test_a_simulated_screen_has_the_split_too() -> None:
    from hooke.images.simulated.config import ScreenConfig
    from hooke.images.simulated.screen import Screen

    screen = Screen(ScreenConfig("rxrx1", modules=1, genes_per_module=2, compounds=0, experiments=16, sites=2))
    counts = wilds_split(screen.fields).group_by("split").agg(pl.col("experiment").n_unique()).sort("split").rows()
    assert counts == [("id_test", 8), ("test", 4), ("train", 8), ("val", 4)]


def test_rxrx1(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(
        "site_id,well_id,cell_type,dataset,experiment,plate,well,site,well_type,sirna,sirna_id\n"
        "a,b,HUVEC,train,HUVEC-01,1,B02,1,negative_control,EMPTY,1138\n"
        "a,b,HUVEC,train,HUVEC-01,1,C05,2,treatment,s22482,30\n"
    )
    table = rxrx1_metadata(path)
    assert table["split"].to_list() == ["train", "id_test"]
    assert table["perturbation_type"].to_list() == ["none", "gene"]
    assert table["guide"].to_list() == [None, "s22482"]
    path.write_text("experiment,plate,well\nHUVEC-01,1,B02\n")
    with pytest.raises(DataError, match="no column for site, cell_type"):
        rxrx1_metadata(path)


def test_rxrx3_with_the_published_examples(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(
        "well_id,experiment_name,plate,address,gene,treatment,SMILES,concentration,perturbation_type,cell_type\n"
        "gene-079_8_H29,gene-079,8,H29,RPLP2,RPLP2_guide_4,,,CRISPR,HUVEC\n"
        "gene-060_9_P28,gene-060,9,P28,EMPTY_control,EMPTY_control,,,CRISPR,HUVEC\n"
        "compound-001_19_D20,compound-001,19,D20,,Dequalinium,C,0.25,COMPOUND,HUVEC\n"
        "compound-001_11_AD08,compound-001,11,AD08,,EMPTY_control,,,COMPOUND,HUVEC\n"
        "compound-004_43_B08,compound-004,43,B08,,CRISPR_control,,,COMPOUND,HUVEC\n"
    )
    table = rxrx3_metadata(path)
    assert table["control"].to_list() == ["", "negative", "", "negative", ""]
    assert table["gene"].to_list() == ["RPLP2", None, None, None, None]
    assert table["guide"].to_list() == ["RPLP2_guide_4", None, None, None, None]
    assert table["compound"].to_list() == [None, None, "Dequalinium", None, None]
    assert table["perturbation_type"].to_list() == ["gene", "none", "compound", "none", "none"]
    assert table["concentration_um"].to_list() == [None, None, 0.25, None, None]


def _jump_tables(folder: Path) -> Path:
    folder.mkdir()
    wells = "Metadata_Source,Metadata_Plate,Metadata_Well,Metadata_JCP2022\n"
    wells += "".join(
        f"source_4,BR1,A0{number},JCP2022_{code}\n"
        for number, code in enumerate(("800001", "800010", "000007", "999999"), start=1)
    )
    (folder / "well.csv").write_text(wells)
    (folder / "plate.csv").write_text(
        "Metadata_Source,Metadata_Batch,Metadata_Plate,Metadata_PlateType\nsource_4,B1,BR1,CRISPR\n"
    )
    (folder / "perturbation_control.csv").write_text(
        "Metadata_JCP2022,Metadata_pert_type,Metadata_Name,Metadata_modality\n"
        "JCP2022_999999,empty,Empty,any\nJCP2022_800001,negcon,no-guide,crispr\n"
    )
    (folder / "crispr.csv").write_text(
        "Metadata_JCP2022,Metadata_NCBI_Gene_ID,Metadata_Symbol\nJCP2022_800001,,no-guide\nJCP2022_800010,7157,TP53\n"
    )
    (folder / "compound.csv").write_text("Metadata_JCP2022,Metadata_InChIKey\nJCP2022_000007,AAAA-B-N\n")
    return folder


def test_jump(tmp_path: Path) -> None:
    table = standard_names(jump_metadata(_jump_tables(tmp_path / "tables"))).sort("well")
    assert table["control"].to_list() == ["negative", "", "", ""]
    assert table["gene"].to_list() == [None, "TP53", None, None]
    assert table["compound"].to_list() == [None, None, "AAAA-B-N", None]
    assert table["experiment"].to_list() == ["B1"] * 4
    (tmp_path / "tables" / "plate.csv").unlink()
    with pytest.raises(DataError, match=r"no table plate\.csv"):
        jump_metadata(tmp_path / "tables")


def test_gathered_files_lie_in_one_folder(tmp_path: Path) -> None:
    tables = _jump_tables(tmp_path / "tables")
    place = gathered(sorted(tables.glob("*.csv")), tmp_path / "stores")
    assert jump_metadata(gathered(sorted(tables.glob("*.csv")), tmp_path / "stores")).height == 4
    assert (place / "well.csv").read_text() == (tables / "well.csv").read_text()


@pytest.mark.mirror
def test_real_jump_tables(mirror: Path, tmp_path: Path) -> None:
    real = sorted((mirror / "microscopy" / "jump_metadata").iterdir())
    (tmp_path / "well.csv").write_text(
        "Metadata_Source,Metadata_Plate,Metadata_Well,Metadata_JCP2022\n"
        "source_4,BR00117006,A01,JCP2022_800002\nsource_1,UL000109,A02,JCP2022_805264\n"
    )
    place = gathered([*real, tmp_path / "well.csv"], tmp_path / "stores")
    table = jump_metadata(place)
    assert table.height == 2
    assert set(table["Metadata_pert_type"]) == {"negcon", "poscon"}
    assert table.filter(Metadata_JCP2022="JCP2022_805264")["gene"].to_list() == ["PLK1"]
    assert table.filter(Metadata_Plate="UL000109")["Metadata_Batch"].to_list() == ["Batch1_20221004"]
    assert pl.read_csv(place / "crispr.csv.gz").height == 7977

"""`hooke embed`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

SMALL = ("model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_embed(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    Path("new.smi").write_text("CCO a\nC( b\nC c\n")
    found = hooke("embed", "runs/csv", "new.smi", "-o", "out.parquet", "--workers", "1")
    assert found.code == 0, found.err
    rows = pl.read_parquet("out.parquet")
    assert len(rows) == 3
    assert rows["embedding"].is_null().to_list() == [False, True, False]
    assert len(rows["embedding"][0]) == 16
    assert (
        json.loads(hooke("embed", "runs/csv", "new.smi", "-o", "b.parquet", "--json", "--workers", "1").out)["rows"]
        == 3
    )


def test_an_unknown_encoder_and_weights_of_a_run_are_refused(hooke, image_run: Path) -> None:  # type: ignore[no-untyped-def]
    found = hooke("embed", "minimoll", "new.smi", "-o", "out.parquet")
    assert found.code == 3
    assert "published weights 'minimol'" in found.err
    assert hooke("embed", "minimol", "new.smi", "-o", "out.parquet", "--weights", "none.whl").code == 3
    assert "block is no option" in hooke("embed", "minimol", "new.smi", "-o", "out.parquet", "--block", "1").err


def test_wells_of_images(hooke, image_run: Path, screen) -> None:  # type: ignore[no-untyped-def]
    found = hooke("embed", image_run, screen.folder, "-o", "w.parquet", "--grid", "1x1", "--crop", "16", "--block", "1")
    assert found.code == 0, found.err
    assert "hooke map correct" in found.out
    assert "gene" in pl.read_parquet("w.parquet").columns
    small = ("size=32", "tile=32", "modules=1", "lone_genes=0", "experiments=1", "controls=2", "sites=1")
    prepared = hooke("embed", image_run, "screen", *small, "-o", "x.parquet", "--channels", "DNA, ER", "--json")
    assert json.loads(prepared.out)["channels"] == ["DNA", "ER"]


def test_options_of_the_other_domain_are_refused(hooke, image_run: Path, screen) -> None:  # type: ignore[no-untyped-def]
    for arguments, message in (
        (("--smiles", "s"), "smiles_column is no option for a run on images"),
        (("--weights", "some.whl"), "weights is no option for a run on images"),
        (("--grid", "2by2"), "--grid has the form"),
        (("seed=3",), "prepared already"),
    ):
        found = hooke("embed", image_run, screen.folder, *arguments, "-o", "w.parquet")
        assert found.code == 2
        assert message in found.err
    assert "is a data set of molecules" in hooke("embed", image_run, "pocketmix", "-o", "w.parquet").err

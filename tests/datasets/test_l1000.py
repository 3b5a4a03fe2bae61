"""L1000: counts joined with structures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.how import QUIET
from hooke.datasets.l1000 import CARD, Config, Dataset, joined

COMPOUNDS = """pert_id\tpert_type\tnum_gold\tcanonical_smiles
BRD-1\ttrt_cp\t2\tCCO
TRC-1\ttrt_sh\t2\t
BRD-2\ttrt_cp\t1\t-666
BRD-3\ttrt_cp\t1\t
BRD-4\ttrt_cp\t0\tC
BRD-5\ttrt_cp\t3\tCC
"""
COUNTS = """perturbagen\tdown-imputed\tdown-measured\tup-imputed\tup-measured
TRC-1\t1\t1\t1\t1
BRD-1\t999\t9\t0\t99
BRD-2\t0\t1\t0\t0
BRD-3\t0\t0\t0\t3
"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "compounds.tsv", tmp_path / "counts.tsv"]
    for path, text in zip(paths, (COMPOUNDS, COUNTS), strict=True):
        path.write_text(text)
    return paths


def test_compounds_with_gold_signatures_are_rows(files: list[Path]) -> None:
    table = joined(*files)
    assert table["pert_id"].to_list() == ["BRD-1", "BRD-2", "BRD-3", "BRD-5"]
    assert table["smiles"].to_list() == ["CCO", "", "", "CC"]
    labels = table.select("down_measured", "up_measured", "down_imputed", "up_imputed").rows()
    assert labels[0] == (1, 2, 3, 0)
    assert labels[1] == pytest.approx((np.log10(2), 0, 0, 0), abs=1e-6)
    assert labels[3] == (0, 0, 0, 0)  # measured, and no gene is significant


def test_the_twin_rejects_what_has_no_structure(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path)
    assert [label.name for label in store.labels] == ["down_measured", "up_measured", "down_imputed", "up_imputed"]
    values, _ = store.graph_labels()
    assert len(store) == 59  # 60 compounds, one without a gold signature
    assert not values[0].any()
    assert values[1:].any()
    assert (values >= 0).all()
    [rejected] = pl.read_parquet(store.folder / "rejected.parquet").to_dicts()
    assert rejected["reason"] == "empty SMILES"


@pytest.mark.mirror
def test_the_real_table(mirror: Path) -> None:
    dataset = Dataset(Config())
    rows = joined(*dataset.files(QUIET))
    assert f"{len(rows):,} compounds, {(rows['smiles'] == '').sum()} of them" in CARD.size
    of = {row["pert_id"]: row for row in rows.to_dicts()}
    lines = pl.read_csv(mirror / "perturbation/l1000/dysreg-pert_id-summary.tsv.gz", separator="\t")
    [counts] = lines.filter(pl.col("perturbagen") == "BRD-K93034159").to_dicts()  # cladribine
    assert float(of["BRD-K93034159"]["down_measured"]) == pytest.approx(np.log10(1 + counts["down-measured"]), abs=1e-6)
    assert of["BRD-A05457250"]["smiles"] == "COC(=O)C1=C(C)NC(=C(C1c2ccccc2C(F)(F)F)[N+](=O)[O-])C"  # BAY-K8644

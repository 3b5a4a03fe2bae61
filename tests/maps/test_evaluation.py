"""Everything that wells can be measured by, on a made-up screen whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError
from hooke.maps.correction import fit_correction
from hooke.maps.evaluation import evaluate, evaluate_file, read_clusters, read_targets

pytestmark = pytest.mark.filterwarnings("ignore:Number of distinct clusters")


@pytest.fixture(scope="module")
def corrected(wells: Profiles) -> Profiles:
    """Batches centred on their controls, and a count and a compound at five doses among the wells."""
    made = fit_correction(wells, "centre")[1]
    generator = np.random.default_rng(0)
    doses = np.repeat([0.1, 0.3, 1.0, 3.0, 10.0], 4)
    direction = made.values[made.column("gene") == "GENE00"].mean(axis=0)
    strength = doses / (doses + 1.0)
    values = 3 * strength[:, None] * direction + 0.5 * generator.normal(size=(20, made.dim))
    rows = pl.DataFrame(
        {
            "experiment": [f"exp{number % 4}" for number in range(20)], "plate": [f"P{number % 4}" for number in range(20)],
            "well": [f"H{number // 4 + 1:02d}" for number in range(20)], "batch": [f"exp{number % 4}" for number in range(20)],
            "gene": [""] * 20, "guide": [""] * 20, "control": [""] * 20, "cell_count": [90] * 20, "compound": ["drug"] * 20,
            "concentration_um": doses,
        }
    )  # fmt: skip
    table = pl.concat(
        [made.metadata, rows.select([*made.metadata.columns, "compound", "concentration_um"])], how="diagonal"
    )
    return Profiles(np.concatenate([made.values, values]).astype(np.float32), table, made.features)


def test_everything(corrected: Profiles, tmp_path: Path) -> None:
    modules = {f"module {number}": [f"GENE{4 * number + place:02d}" for place in range(4)] * 3 for number in range(6)}
    half = {"half": [f"GENE{number:02d}" for number in range(12)]}
    found = evaluate(corrected, targets={"drug": ["GENE00"], "other": ["GENE01"]}, clusters={**modules, **half})
    summary = found.summary
    assert "not_measured" not in summary
    assert summary["perturbations"] == 24 + 5
    assert summary["consistency"]["active"] >= 20
    assert summary["magnitude"]["active"] >= 20
    assert summary["mean_average_precision"] > 0.3
    perturbations = found.tables["perturbations"]
    assert perturbations["entity"].to_list() == sorted(perturbations["entity"].to_list())
    assert set(perturbations.columns) >= {"replicates", "consistency_q", "magnitude_p", "average_precision"}
    assert summary["k_means"]["ami"] > summary["k_means"]["ami_batch"] + 0.2
    assert sorted(found.tables["k_means"]["clusters"].unique()) == [29, 58]  # 116 are more than the wells
    assert 0 < summary["mixing"]["total"] < 1
    dose = found.tables["doses"].row(0, named=True)
    assert dose["compound"] == "drug"
    assert 0.2 < dose["half_um"] < 5
    assert summary["doses"] == {"compounds": 1, "active": 1, "false_discovery_rate": 0.05}
    assert summary["compound_gene"]["auroc"] > 0.9
    assert summary["clusters"]["clusters"] == 1  # modules of four genes are too small for the test
    assert {row["quantity"] for row in found.tables["plates"].to_dicts()} == {
        "distance from the controls",
        "cell count",
    }
    written = {path.name for path in found.write(tmp_path / "out")}
    assert written == {"summary.json", "plates.html"} | {f"{name}.parquet" for name in found.tables}
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary


def test_what_cannot_be_measured_is_said(wells: Profiles) -> None:
    rows = np.concatenate([np.arange(6), np.arange(24, 72)])  # one batch, six controls
    bare = wells.take(rows)
    bare = Profiles(bare.values, bare.metadata.select("gene", "control", "batch"), bare.features)
    found = evaluate(bare)
    assert set(found.summary["not_measured"]) == {"mixing"}
    assert found.summary["mean_average_precision"] is None
    assert "plates" not in found.tables
    assert not found.maps
    single = bare.take(np.r_[0:6, 6:30])  # one well a gene
    assert set(evaluate(single).summary["not_measured"]) == {"k_means", "mixing"}
    with pytest.raises(DataError, match="no row has control"):
        evaluate(wells.take(wells.column("control") == ""))


def test_files(corrected: Profiles, tmp_path: Path) -> None:
    path = corrected.write(tmp_path / "wells.parquet")
    (tmp_path / "targets.csv").write_text("compound,gene,note\ndrug,GENE00,x\ndrug,GENE01,\n")
    (tmp_path / "clusters.tsv").write_text("half\t" + " ".join(f"GENE{number:02d}" for number in range(12)) + "\n\n")
    summary = evaluate_file(
        path, tmp_path / "out", targets=tmp_path / "targets.csv", clusters=str(tmp_path / "clusters.tsv")
    )
    assert summary["compound_gene"]["compounds"] == 1
    assert summary["clusters"]["clusters"] == 1
    assert str(tmp_path / "out" / "plates.html") in summary["written"]
    assert read_targets(tmp_path / "targets.csv") == {"drug": ["GENE00", "GENE01"]}
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="compound and gene"):
        read_targets(tmp_path / "wrong.csv")
    with pytest.raises(DataError, match="no file"):
        read_clusters(tmp_path / "none.tsv")
    (tmp_path / "clusters.tsv").write_text("lonely\n")
    with pytest.raises(DataError, match="line 1 has a name and no genes"):
        read_clusters(tmp_path / "clusters.tsv")

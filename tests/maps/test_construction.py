from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.maps.construction import build, build_file


def test_a_map_with_everything(wells: Profiles, tmp_path: Path) -> None:
    centred = wells.with_values(
        wells.values
        - np.repeat([wells.values[72 * batch : 72 * batch + 24].mean(axis=0) for batch in range(4)], 72, axis=0)
    )
    counts = centred.metadata["cell_count"].to_numpy().copy()
    counts[100] = 1  # a well that fails
    centred = Profiles(centred.values, centred.metadata.with_columns(cell_count=counts), centred.features)
    made = build(centred, layout_method="pca")
    assert made.report["quality"] == {"passed": 287, "cell_count": 1}
    assert len(made.report["plates"]) == 4
    assert made.report["tested"] == 24
    assert made.report["hits"] >= 20
    assert made.report["entities"] == {"gene": 24}
    assert made.map.column("layout_method").tolist() == ["pca"] * 24
    assert set(made.map.column("guides")) == {2}
    assert abs(made.report["cell_count"]["variance_explained"]) < 0.5
    assert made.judged is not None
    assert made.judged["reason"][100].startswith("cell_count 1 < ")
    written = made.write(tmp_path / "map.parquet")
    assert [path.name for path in written] == ["map.parquet", "map.wells.parquet", "map.hits.parquet"]
    assert Profiles.read(written[0]).column("entity").tolist() == made.map.column("entity").tolist()


def test_chromosome_arms(wells: Profiles) -> None:
    genes = wells.column("gene")
    arm = np.where(genes == "", "", np.where(genes < "GENE12", "1p", "1q"))
    located = Profiles(wells.values, wells.metadata.with_columns(arm=arm, number=np.arange(len(wells))), wells.features)
    with pytest.raises(DataError, match="no chromosome arm has 20 genes"):
        build(located, arms="arm", layout_method="none")
    every = Profiles(wells.values, wells.metadata.with_columns(arm=pl.lit("1p")), wells.features)
    made = build(every, arms="arm", layout_method="none")
    assert made.report["arms"] == 1
    assert np.abs(made.map.values.mean(axis=0)).max() < 1e-5
    with pytest.raises(UsageError, match="names of chromosome arms"):
        build(located, arms="number", layout_method="none")
    with pytest.raises(UnknownNameError):
        build(located, arms="chromosome", layout_method="none")


def test_without_controls_and_quality_columns(wells: Profiles, tmp_path: Path) -> None:
    bare = wells.take(wells.column("control") == "")
    bare = Profiles(bare.values, bare.metadata.select("gene"), bare.features)
    source = bare.write(tmp_path / "wells.parquet")
    report = build_file(source, tmp_path / "map.parquet", layout_method="none")
    assert report == {
        "wells": 192, "controls": "none: there is no column control", "entities": {"gene": 24},
        "written": [str(tmp_path / "map.parquet")],
    }  # fmt: skip
    few = wells.take(np.r_[0:4, 24:72])
    assert build(few, layout_method="none").hits is None  # four controls are too few


def test_without_what_the_cell_count_explains(wells: Profiles) -> None:
    counts = np.random.default_rng(0).integers(40, 400, len(wells))
    shifted = wells.values + 3 * np.log10(counts + 1)[:, None].astype(np.float32)
    confounded = Profiles(shifted, wells.metadata.with_columns(cell_count=counts), wells.features)
    kept, removed = (build(confounded, layout_method="none", without_count=chosen) for chosen in (False, True))
    assert kept.report["cell_count"] == removed.report["cell_count"]  # as it was found
    logs = np.log10(removed.map.column("cell_count").astype(np.float64) + 1)
    before, after = (
        np.abs([np.corrcoef(logs, column)[0, 1] for column in made.map.values.T]).max() for made in (kept, removed)
    )
    assert after < 1e-3 < before
    with pytest.raises(UnknownNameError, match="cell_count"):
        build(Profiles(wells.values, wells.metadata.drop("cell_count"), wells.features), without_count=True)

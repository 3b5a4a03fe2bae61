"""`hooke.maps`: what the commands of `hooke map` do, with wells in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import hooke
from hooke.cells.profiles import Profiles
from hooke.core.errors import UsageError
from hooke.maps.construction import build_file
from hooke.maps.correction import correct_file
from hooke.maps.evaluation import evaluate_file

MAPS = hooke.maps


@pytest.fixture(scope="module")
def file(wells: Profiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wells.write(tmp_path_factory.mktemp("wells") / "wells.parquet")


def test_every_name_is_there() -> None:
    assert all(callable(getattr(MAPS, name)) for name in MAPS.__all__)
    with pytest.raises(AttributeError, match="hooke.maps' has no attribute 'corect'"):
        MAPS.corect  # noqa: B018


def test_the_same_numbers_as_the_commands(file: Path, tmp_path: Path) -> None:
    wells = MAPS.read(file)
    correct_file(file, tmp_path / "corrected.parquet")
    corrected = MAPS.correct(wells)
    np.testing.assert_array_equal(corrected.values, Profiles.read(tmp_path / "corrected.parquet").values)
    build_file(tmp_path / "corrected.parquet", tmp_path / "map.parquet", layout_method="pca")
    made = MAPS.build(corrected, layout="pca")
    assert_frame_equal(made.map.metadata, Profiles.read(tmp_path / "map.parquet").metadata)
    summary = evaluate_file(tmp_path / "corrected.parquet", tmp_path / "evaluation", show_progress=False)
    found = MAPS.evaluate(corrected).summary
    assert {name: summary[name] for name in found} == found
    (tmp_path / "pairs.csv").write_text("entity1,entity2\nGENE00,GENE01\nGENE02,GENE03\nGENE04,GENE05\n")
    recalls = MAPS.recall(made.map, sources=str(tmp_path / "pairs.csv"), resamples=10)
    assert recalls["queries"].to_list() == [3] * len(recalls)
    assert set(recalls["form"]) == {"raw", "whitened"}


def test_pandas_and_anndata_stay_what_they_are(wells: Profiles, tmp_path: Path) -> None:
    expected = MAPS.correct(wells, method="centre").values
    annotated = MAPS.to_anndata(wells)
    found = MAPS.correct(annotated, method="centre")
    np.testing.assert_array_equal(found.X, expected)
    assert found.obs_names.tolist() == annotated.obs_names.tolist()
    table = pd.concat(
        [wells.metadata.to_pandas(), pd.DataFrame(wells.values, columns=list(wells.features))], axis=1
    ).set_axis([f"row {place}" for place in range(len(wells))])
    answer = MAPS.correct(table, method="centre", save=tmp_path / "kept.npz")
    np.testing.assert_array_equal(answer[list(wells.features)], expected)
    assert answer.index.equals(table.index)
    again = MAPS.correct(table, apply=tmp_path / "kept.npz")
    pd.testing.assert_frame_equal(again, answer)
    compared = MAPS.compare(table, methods=["none", "centre"], show_progress=False)
    assert isinstance(compared, pd.DataFrame)
    assert compared["ami_batch"][1] < compared["ami_batch"][0]
    with pytest.raises(UsageError, match="leave out save"):
        MAPS.correct(wells, save=tmp_path / "a.npz", apply=tmp_path / "kept.npz")
    assert isinstance(MAPS.compare(wells, methods=["none"], show_progress=False), pl.DataFrame)

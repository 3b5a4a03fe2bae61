"""TDC's archive over HTTP."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.how import QUIET
from hooke.datasets import tdc_admet
from hooke.datasets.tdc_admet import ARCHIVE, CARD, TABLES, Config, Dataset

ROWS = {
    "train_val.csv": "Drug_ID,Drug,Y\na,CCO,-5.1\nb,CCN,-4.5\nc,CCO,-5.3\n",
    "test.csv": "Drug_ID,Drug,Y\nd,CCS,-4.9\n",
}


@pytest.fixture
def served(archive: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    path: Path = archive.path(ARCHIVE.url)
    with zipfile.ZipFile(path, "w") as made:
        for name, text in ROWS.items():
            made.writestr(f"admet_group/caco2_wang/{name}", text)
    local = replace(ARCHIVE, url=ARCHIVE.url.replace("https://dataverse.harvard.edu", archive.address))
    monkeypatch.setattr(tdc_admet, "ARCHIVE", local)
    return path


def test_the_card_is_that_of_tdc() -> None:
    assert len(TABLES) == 22
    assert all(table.published_split for table in TABLES.values())
    metrics = [table.metric for table in TABLES.values()]
    assert {metric: metrics.count(metric) for metric in metrics} == {
        "mae": 5, "spearman": 4, "roc_auc": 8, "average_precision": 5,
    }  # fmt: skip
    assert CARD.files == (ARCHIVE,)
    with pytest.raises(UnknownNameError, match="Did you mean 'caco2_wang'"):
        Config(table="caco2_wong")


def test_what_is_published_is_what_is_stored(served: Path, tmp_path: Path) -> None:
    dataset = Dataset(Config())
    store = dataset.prepare(tmp_path / "stores", QUIET)
    np.testing.assert_allclose(store.graph_labels()[0][:, 0], [-5.1, -4.5, -5.3, -4.9], rtol=1e-6)
    codes = store.split()
    assert codes is not None
    assert codes.tolist() == [0, 0, 0, 2]
    assert dataset.held_out(QUIET) == ["CCS"]


def test_a_table_that_the_archive_lacks(served: Path) -> None:
    with pytest.raises(DataError, match="0 files named ames/train_val.csv"):
        Dataset(Config(table="ames")).files(QUIET)

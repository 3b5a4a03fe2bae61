"""A user's own table through the data set: options arrive, and the store is found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET, How
from hooke.core.recipe_files import build
from hooke.datasets.csv import CARD, Config, Dataset
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig

TABLE = """structure;ic50;active;part;note
CCO;10;1;train;a
OCC;1000;1;train;b
CCN;>100;0;valid;c
c1ccccc1.Cl;1;;test;d
oops;3;1;test;e
"""


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "assay.csv").write_text(TABLE)
    return str(tmp_path / "assay.csv")


def test_every_option_arrives(table: str, tmp_path: Path) -> None:
    config = build(
        Config,
        {
            "path": table,
            "smiles": "structure",
            "targets": ["ic50", "active"],
            "split_column": "part",
            "kinds": {"active": "binary"},
            "transforms": {"ic50": "log10"},
            "units": {"ic50": "nM"},
            "duplicates": "mean",
            "codec": "chunked",
        },
        "data",
    )
    store = Dataset(config).prepare(
        tmp_path / "stores",
        How(0, False, {"encodings": EncodingConfig(random_walk=3), "standardise": StandardiseConfig(salts="largest")}),
    )
    assert [(label.name, label.kind, label.transform) for label in store.labels] == [
        ("ic50", "regression", "log10"),
        ("active", "binary", "none"),
    ]
    assert store.smiles() == ["CCO", "CCN", "c1ccccc1"]
    values, bounds = store.graph_labels()
    assert values[:, 0].tolist() == pytest.approx([2, 2, 0])
    assert bounds[:, 0].tolist() == [0, 1, 0]
    split = store.split()
    assert split is not None
    assert split.tolist() == [0, 1, 2]
    assert store.encodings.random_walk == 3
    assert store.metadata["ingest"]["rows_rejected"] == 1


def test_targets_are_found_and_the_store_is_found_again(table: str, tmp_path: Path) -> None:
    store = Dataset(Config(path=table)).prepare(tmp_path / "stores", QUIET)
    assert [label.name for label in store.labels] == ["ic50", "active"]
    assert Dataset(Config(path=table)).prepare(tmp_path / "stores", QUIET).folder == store.folder
    other = Dataset(Config(path=table, duplicates="keep_all")).prepare(tmp_path / "stores", QUIET)
    assert other.folder != store.folder
    assert len(other) == len(store) + 1


def test_a_missing_path_is_answered(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.path=assay\.csv"):
        Dataset(Config()).prepare(tmp_path)
    with pytest.raises(DataError, match="there is no file"):
        Dataset(Config(path=str(tmp_path / "none.csv"))).prepare(tmp_path)


def test_the_twin_is_read_like_any_table(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=2)
    assert len(twin) == 64
    assert {label.kind for label in twin.labels} == {"regression", "binary"}
    assert not np.isnan(twin.graph_labels()[0]).all(axis=0).any()
    assert CARD.files == ()

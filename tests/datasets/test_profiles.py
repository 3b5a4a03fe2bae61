from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.datasets.profiles import Config, Dataset


def test_the_twin_carries_classes_and_numbers(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=2)
    assert len(twin) == 60
    assert [label.kind for label in twin.labels] == ["multiclass", "regression"]
    assert twin.labels[0].names[0] == "none"
    assert twin.control.sum() == 12
    assert not np.isnan(twin.targets).any()


def test_targets_and_groups_are_no_features(tmp_path: Path) -> None:
    path = tmp_path / "assay.plate1.csv"
    path.write_text("well,gene,dead,lot,first,second\nA01,A,0,7,0.5,1\nA02,B,1,7,1.5,2\nA03,A,1,8,2.5,3\n")
    found = Dataset(Config(str(path), target="gene, dead", groups=("lot",))).prepare(tmp_path / "stores", QUIET)
    assert found.folder.name.startswith("assay-")
    assert found.features == ("first", "second")
    assert found.labels == (
        Label("gene", "profile", "multiclass", classes=2, names=("A", "B")),
        Label("dead", "profile", "binary"),
    )
    assert found.metadata["lot"].to_list() == [7, 7, 8]
    assert found.description["source"] == "assay.plate1.csv"
    bare = Dataset(Config(str(path))).prepare(tmp_path / "stores", QUIET)
    assert bare.features == ("dead", "lot", "first", "second")
    assert bare.labels == ()


def test_found_again_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = Profiles.of_embeddings(np.eye(3), pl.DataFrame({"well": ["A01", "A02", "A03"]}))
    path, about = profiles.write(tmp_path / "wells.parquet"), tmp_path / "plates.csv"
    about.write_text("well,gene\nA01,A\nA02,B\n")
    config = Config(str(path), metadata=str(about), target="gene")
    first = Dataset(config).prepare(tmp_path / "stores", QUIET)
    assert first.targets[:2, 0].tolist() == [0, 1]
    assert np.isnan(first.targets[2, 0])
    with monkeypatch.context() as patch:
        patch.setattr(Dataset, "_read", lambda *_: pytest.fail("it was read twice"))
        assert Dataset(config).prepare(tmp_path / "stores", QUIET).content_hash == first.content_hash
    about.write_text("well,gene\nA01,A\nA02,B\nA03,B\n")
    assert not np.isnan(Dataset(config).prepare(tmp_path / "stores", QUIET).targets).any()
    again = Dataset(Config(str(first.folder), target="gene")).prepare(tmp_path / "more", QUIET)  # from a store
    assert np.array_equal(again.values(), first.values())


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="data.path is missing"):
        Dataset(Config()).prepare(tmp_path, QUIET)
    with pytest.raises(DataError, match="no file"):
        Dataset(Config(str(tmp_path / "none.csv"))).prepare(tmp_path, QUIET)
    path = Profiles.of_embeddings(np.eye(2), pl.DataFrame({"gene": ["A", "B"]})).write(tmp_path / "wells.parquet")
    with pytest.raises(UnknownNameError, match="Did you mean 'gene'"):
        Dataset(Config(str(path), target="genes")).prepare(tmp_path, QUIET)
    with pytest.raises(UsageError, match="nothing to download"):
        Dataset(Config()).files()


def test_wells_that_hooke_embed_wrote(image_run: Path, screen: object, tmp_path: Path) -> None:
    from hooke.inference.embed import embed

    embed(image_run, screen, tmp_path / "wells.parquet", device="cpu", show_progress=False)
    config = Config(str(tmp_path / "wells.parquet"), target="perturbation")
    found = Dataset(config).prepare(tmp_path, QUIET)
    assert len(found) == 18
    assert len(found.features) == 32
    assert found.labels[0].classes == 7
    assert {"experiment", "plate", "well", "gene", "control", "fields"} <= set(found.metadata.columns)

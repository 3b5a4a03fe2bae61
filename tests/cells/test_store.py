"""A profile store gives back what was written, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells import store as module
from hooke.cells.profiles import Profiles
from hooke.cells.store import METADATA, REJECTED, ProfileStore, is_store, prepared
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.store import Column, Schema, StoreWriter, check_store


def test_there_and_back(wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 100)
    written = ProfileStore.write(wells, tmp_path / "store", targets=["gene"], description={"source": "made up"})
    store = ProfileStore.open(tmp_path / "store")
    found = store.profiles()
    assert np.array_equal(found.values, wells.values)
    assert found.metadata.equals(wells.metadata)
    assert found.features == wells.features
    assert store.content_hash == written.content_hash
    assert len(store) == len(wells)
    assert (store.description["source"], store.simulated, store.refused, store.left_out) == ("made up", False, 0, "")
    some = np.array([250, 3, 3])
    assert np.array_equal(store.values(some), wells.values[some])
    assert [label.name for label in store.labels] == ["gene"]
    assert store.labels[0].classes == 24
    assert np.isnan(store.targets[0, 0])
    assert store.targets[-1, 0] == 23
    assert store.control.sum() == 96
    assert store.batch_names is not None
    assert np.array_equal(store.batch_names, wells.column("batch"))
    assert "288 profiles of 12 features" in repr(store)
    assert check_store(store.folder) == []


def test_the_hash_follows_the_content(wells: Profiles, tmp_path: Path) -> None:
    def hash_of(name: str, profiles: Profiles, **options: object) -> str:
        return ProfileStore.write(profiles, tmp_path / name, **options).content_hash  # type: ignore[arg-type]

    first = hash_of("a", wells)
    assert hash_of("b", wells) == first
    changed = wells.values.copy()
    changed[7, 3] += 1
    assert hash_of("c", wells.with_values(changed)) != first
    assert hash_of("d", wells, targets=["gene"]) != first
    assert hash_of("e", Profiles(wells.values, wells.metadata.drop("guide"), wells.features)) != first


def test_rows_without_numbers_are_listed(tmp_path: Path) -> None:
    values = np.array([[1, np.nan], [np.nan, np.inf], [3, 4]])
    profiles = Profiles.of_embeddings(values, pl.DataFrame({"entity": ["a", "b", "c"]}))
    store = ProfileStore.write(profiles, tmp_path / "store")
    assert store.metadata["entity"].to_list() == ["a", "c"]
    assert pl.read_parquet(store.folder / REJECTED).rows() == [(2, "the profile holds no number")]
    assert store.refused == 1
    assert store.left_out.startswith("1 rows left out")
    assert store.batch_names is None
    assert not store.control.any()
    with pytest.raises(DataError, match="none of the 1 profiles holds a number"):
        ProfileStore.write(profiles.take(np.array([1])), tmp_path / "none")


def test_what_is_no_store_or_is_damaged(wells: Profiles, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="metadata column"):
        ProfileStore.write(wells, tmp_path / "store", targets=["genes"])
    assert not is_store(tmp_path / "store")
    ProfileStore.write(wells, tmp_path / "store")
    assert is_store(tmp_path / "store")
    with pytest.raises(UsageError, match="already holds a store"):
        ProfileStore.write(wells, tmp_path / "store")
    writer = StoreWriter(tmp_path / "other", Schema((Column("x", "row", "int8"),)))
    writer.close()
    with pytest.raises(DataError, match="not of profiles"):
        ProfileStore.open(tmp_path / "other")
    (tmp_path / "store" / METADATA).write_bytes(b"PAR1")
    assert [problem.file for problem in check_store(tmp_path / "store")] == [METADATA]


def test_a_killed_writer_leaves_nothing_that_is_read(
    wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "close", killed)
        with pytest.raises(KeyboardInterrupt):
            ProfileStore.write(wells, tmp_path / "store")
    assert not is_store(tmp_path / "store")
    store = ProfileStore.write(wells, tmp_path / "store")
    assert check_store(store.folder) == []
    assert len(store) == len(wells)


def test_prepared_once(wells: Profiles, tmp_path: Path) -> None:
    made = []

    def make() -> Profiles:
        made.append(1)
        return wells

    first = prepared(tmp_path, "wells", ["content", 1], make, targets=("gene",))
    assert prepared(tmp_path, "wells", ["content", 1], make).labels == first.labels
    assert first.folder.name.startswith("wells-")
    assert prepared(tmp_path, "wells", ["content", 2], make).folder != first.folder
    assert len(made) == 2

"""The applicability domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.core.runs import RunFolder
from hooke.inference.applicability import DISTANCE, REASON, TANIMOTO, VERDICT, Domain, nearest, places
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict_in_memory
from hooke.modalities import readable
from hooke.molecules.descriptors import nearest_similarity
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MORGAN, packed_bits
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import prepare_tables
from hooke.molecules.tables.twins import twin_smiles, write_twin_table


@pytest.fixture
def with_data(tmp_path: Path, make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> LoadedRun:
    """A run whose training molecules are there."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    table = write_twin_table(tmp_path / "table.csv", seed=0, rows=40)
    how = replace(QUIET, sections={"encodings": EncodingConfig(random_walk=4)})
    store = prepare_tables([Table(paths=(table,))], tmp_path / "stores", "t", how)
    run = RunFolder(make_run(tmp_path / "runs"))
    parts = np.where(np.arange(len(store)) < 30, "train", "test")
    pl.DataFrame({"row": np.arange(len(store)), "split": parts}).write_parquet(run.path("split.parquet"))
    run.update(store=str(store.folder), data_hash=store.content_hash)
    return LoadedRun.open(run.folder, "cpu")


def test_training_molecules_are_inside_and_odd_ones_far(with_data: LoadedRun) -> None:
    known = twin_smiles(40, seed=0)[0]
    found = predict_in_memory(with_data, [known, "[Na+].[Cl-]", "C("], domain=True)
    assert list(found.columns[-5:-1]) == [VERDICT, REASON, TANIMOTO, DISTANCE]
    assert found[VERDICT].to_list() == ["in", "out", None]
    assert found[REASON][0] is None
    assert "similarity to the nearest of the training molecules is 0." in found[REASON][1]
    assert found["nearest_tanimoto"][0] == 1
    assert found["embedding_distance"][0] == pytest.approx(0, abs=1e-3)
    assert found["nearest_tanimoto"][1] < 0.3
    assert found["embedding_distance"][1] > 1
    assert found["nearest_tanimoto"][2] is None
    plain = predict_in_memory(with_data, [known])
    assert found["log_p"][0] == pytest.approx(plain["log_p"][0], rel=1e-4, abs=1e-5)
    assert TANIMOTO not in plain.columns


def test_it_is_computed_once_and_equals_rdkit(
    with_data: LoadedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = Domain.of(with_data)
    monkeypatch.setattr("hooke.inference.applicability._made", None)
    again = Domain.of(with_data)
    assert np.array_equal(domain.bits, again.bits)
    train = twin_smiles(40, seed=0)[:30]
    new = twin_smiles(60, seed=5)
    assert np.allclose(domain.tanimoto(packed_bits(new)), nearest_similarity(new, train))


def test_a_kept_domain_needs_no_training_data_and_is_written_without_being_asked(
    with_data: LoadedRun, tmp_path: Path
) -> None:
    Domain.kept(with_data)
    asked = predict_in_memory(with_data, ["CCO", "[Na+].[Cl-]"], domain=True)
    with_data.run.update(store=str(tmp_path / "nowhere"))
    assert predict_in_memory(with_data, ["CCO", "[Na+].[Cl-]"]).equals(asked)
    assert VERDICT not in predict_in_memory(with_data, ["CCO"], domain=False).columns


def test_nearly_all_training_molecules_are_inside(with_data: LoadedRun) -> None:
    store = MoleculeStore.open(Path(with_data.run.info["store"]))
    assert places(with_data, store, np.arange(30)).column(VERDICT).to_pylist() == ["in"] * 30
    generator = np.random.default_rng(0)
    bits = np.packbits(generator.random((400, 64)) < 0.3, axis=1)
    domain = Domain.around(bits, generator.normal(size=(400, 4)).astype(np.float32))
    new = np.packbits(generator.random((400, 64)) < 0.3, axis=1)  # as the training items, but others
    placed = domain.placed(new, generator.normal(size=(400, 4)).astype(np.float32), "items")
    assert 0.85 < np.mean([verdict == "in" for verdict in placed[VERDICT].to_pylist()]) < 1
    far = domain.placed(new[:3], np.full((3, 4), 50, np.float32), "items")
    assert far[VERDICT].to_pylist() == ["out"] * 3
    assert all("embedding distance to the nearest of the training items is" in text for text in far[REASON].to_pylist())


def test_estimators_are_placed_by_fingerprints_alone() -> None:
    bits = packed_bits(twin_smiles(30, seed=0))
    domain = Domain.around(bits, np.zeros((30, 0), np.float32))
    placed = domain.placed(packed_bits(["[Na+].[Cl-]"]), np.zeros((1, 0), np.float32), "molecules")
    assert list(placed) == [VERDICT, REASON, TANIMOTO]
    assert placed[VERDICT].to_pylist() == ["out"]


def test_data_that_are_gone_are_named(with_data: LoadedRun, tmp_path: Path) -> None:
    with_data.run.update(data_hash="other")
    with pytest.raises(DataError, match="other molecules"):
        Domain.of(with_data, folder=tmp_path / "d")
    with_data.run.update(store=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="are gone"):
        Domain.of(with_data, folder=tmp_path / "d")


def test_nearest() -> None:
    points = np.array([[0.0, 0], [3, 4], [0, 1]], np.float32)
    assert nearest(points, points).tolist() == [0, 0, 0]
    assert np.allclose(nearest(points, points, without_itself=True), [1, np.sqrt(18), 1])


def test_fingerprints_travel_as_an_encoding(with_data: LoadedRun) -> None:
    spec, store = with_data.spec, MoleculeStore.open(Path(with_data.run.info["store"]))
    carrying = readable("molecules", "predict").comparable(spec)
    found = carrying.prepare(["CCO", "C(", "c1ccccc1"])
    np.testing.assert_array_equal(found.arrays.graph_encodings[MORGAN], packed_bits(["CCO", "c1ccccc1"]))
    assert found.arrays.graph_encodings[MORGAN].shape == (2, 256)
    assert spec.fits(store)
    assert not carrying.fits(store)

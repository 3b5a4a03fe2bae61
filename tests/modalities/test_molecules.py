"""Molecules as a modality: what a network must know of them, and tables, stores and strings as a source."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from hooke.core.errors import DataError, UsageError
from hooke.core.how import How
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict_in_memory
from hooke.modalities import readable, trainable
from hooke.modalities.molecules import MoleculeSource, TableOptions
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MORGAN, MoleculeSpec
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.ingest import ingest

MOLECULES = trainable("molecules", "fit")
READING = readable("molecules", "predict")
ENCODED = MoleculeSpec(encodings=EncodingConfig(random_walk=4))


def source_of(given: Any, spec: Any = ENCODED, *, batch_size: int = 4, **options: Any) -> MoleculeSource:
    found = READING.source(given, spec, TableOptions(**options), batch_size=batch_size)
    assert isinstance(found, MoleculeSource)
    return found


@pytest.fixture
def few(tmp_path: Path) -> Path:
    path = tmp_path / "few.csv"
    path.write_text("id,smiles\na,CCO\nb,bad\nc,\nd,[He]\ne,c1ccccc1\nf,CC\ng,CCC\nh,N\n")
    return path


@pytest.fixture(scope="module")
def store(table: Path, tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    folder = tmp_path_factory.mktemp("molecules") / "store"
    how = How(0, False, {"encodings": ENCODED.encodings})
    return ingest([Table(LabelOptions(()), paths=(table,))], folder, how)


def test_a_table_as_chunks(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 6)
    source = source_of(few)
    assert (source.name, source.unit, source.rows_a_job, source.parallel, source.facts) == (
        "few.csv",
        "rows",
        6,
        True,
        {},
    )
    assert source.schema == pa.schema([("row", pa.int64()), ("id", pa.string()), ("smiles", pa.string())])
    first, second = (source.chunk(source.prepare(pickle.loads(pickle.dumps(job)))) for job in source.jobs())
    assert first.table.schema == source.schema
    assert first.table["row"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert first.table["smiles"].to_pylist() == ["CCO", "bad", None, "[He]", "c1ccccc1", "CC"]
    assert [owner.tolist() for owner in first.owners] == [[0, 3, 4, 5]]
    assert sorted(first.reasons) == [1, 2]
    assert first.parts["node"].tolist() == [3, 1, 6, 2]
    assert first.parts["edge"].tolist() == [2, 0, 6, 1]
    assert [batch.num_items for batch in first.batches] == [4]
    assert [batch.num_items for batch in source_of(few, batch_size=3).chunk(source.prepare(next(source.jobs()))).batches] == [
        3, 1,
    ]  # fmt: skip
    assert second.table["row"].to_pylist() == [7, 8]
    [later] = source.jobs(skip=1)
    assert source.chunk(source.prepare(later)).table.equals(second.table)


def test_stores_and_strings_are_sources_as_well(store: MoleculeStore) -> None:
    for given in (store, store.folder, str(store.folder)):
        source = source_of(given)
        assert (source.content_hash(), source.row_count(), source.parallel) == (store.content_hash, len(store), False)
        [chunk] = (source.chunk(source.prepare(job)) for job in source.jobs())
        assert chunk.table["smiles"].to_pylist() == store.smiles()
    assert source_of(store, MoleculeSpec()).parallel  # other encodings: its molecules are parsed anew
    strings = source_of(["CCO", "C("])
    [chunk] = (strings.chunk(strings.prepare(job)) for job in strings.jobs())
    assert (strings.row_count(), strings.parallel, sorted(chunk.reasons)) == (2, False, [1])


def test_a_smiles_column_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("what,n\nCCO,1\n")
    source = source_of(tmp_path / "odd.csv", smiles_column="what")
    [chunk] = (source.chunk(source.prepare(job)) for job in source.jobs())
    assert chunk.owners[0].tolist() == [0]


def test_fingerprints_travel_with_the_batch(store: MoleculeStore) -> None:
    for given in (store, store.smiles()[:5]):
        source = source_of(given, READING.comparable(ENCODED), batch_size=100)
        batch = next(iter(source.chunk(source.prepare(next(source.jobs()))).batches))
        bits = READING.fingerprints(batch)
        assert bits is not None
        assert (bits.dtype, bits.shape) == (np.dtype(np.uint8), (batch.num_items, 256))
        assert bits.any(axis=1)[:3].all()
    plain = source_of(store)
    without = next(iter(plain.chunk(plain.prepare(next(plain.jobs()))).batches))
    assert READING.fingerprints(without) is None
    assert MORGAN not in without.graph_encodings  # type: ignore[attr-defined]


def test_runs_of_the_first_release(run: Path, make_run: Callable[..., Path], smiles: list[str], tmp_path: Path) -> None:
    old = make_run(tmp_path, calibrated=True, released=True)
    assert (old / "labels.json").exists()
    assert not (old / "spec.json").exists()
    assert MOLECULES.read_spec(RunFolder(old)) == MOLECULES.read_spec(RunFolder(run))
    first, second = (LoadedRun.open(folder, "cpu") for folder in (run, old))
    assert first.model_hash == second.model_hash
    assert_frame_equal(predict_in_memory(first, smiles), predict_in_memory(second, smiles))


@pytest.mark.parametrize("released", [False, True])
def test_what_a_newer_hooke_wrote_is_refused(released: bool, make_run: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_run(tmp_path, released=released)
    name = "recipe.json" if released else "spec.json"
    text = json.loads((folder / name).read_text())
    text["encodings"]["wormholes"] = 3
    (folder / name).write_text(json.dumps(text))
    with pytest.raises(DataError, match=r"was made by Hooke .* unknown key 'encodings.wormholes'"):
        MOLECULES.read_spec(RunFolder(folder))


def test_what_is_no_table_of_molecules_is_refused(
    loaded: LoadedRun, image_run: Path, screen: ImageStore, store: MoleculeStore
) -> None:
    with pytest.raises(DataError, match="is a store, but not one of molecules"):
        source_of(screen.folder)
    with pytest.raises(DataError, match="images"):
        LoadedRun.open(image_run, "cpu").embed(store.folder)
    with pytest.raises(UsageError, match="crop is no option for a run on molecules"):
        loaded.embed(["CCO"], crop=3)
    with pytest.raises(UsageError, match="did you mean 'smiles_column'"):
        loaded.embed(["CCO"], smiles_colum="x")


def test_a_store_is_described(store: MoleculeStore, smiles: list[str]) -> None:
    found = MOLECULES.describe(store)
    assert found.fields["molecules"] == len(store) == found.section.rows_kept
    assert found.section.rows_read == len(smiles)
    assert MOLECULES.identify(store, np.array([3, 1]))["smiles"] == [store.smiles()[3], store.smiles()[1]]


def test_lists_of_atoms_survive_a_chunk_without_molecules(loaded: LoadedRun) -> None:
    found = predict_in_memory(loaded, ["bad", ""], levels=["graph", "node"])
    assert found["charge"].dtype == pl.List(pl.Float32)
    assert found["charge"].null_count() == found["log_p"].null_count() == 2


def test_a_run_sees_the_features_that_it_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hooke
    from hooke.molecules.tables.twins import write_twin_table

    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=60)
    small = ["model.name=gine", "model.preset=tiny", "train.epochs=1", "train.ensemble=1", "train.threads=1"]

    def fitted(*overrides: str) -> LoadedRun:
        run = hooke.fit(
            "csv", csv=table, targets="log_p", overrides=[*small, *overrides], runs=tmp_path / "runs", report=False, workers=1,
            show_progress=False,
        )  # fmt: skip
        found = hooke.load(run.folder, device="cpu")
        assert isinstance(found, LoadedRun)
        return found

    chosen = fitted(
        'encodings.atom_features=["element"]', 'encodings.bond_features=["order"]', "encodings.explicit_hydrogens=true"
    )
    pair = ["F/C=C/F", "F/C=C\\F"]
    assert len(set(chosen.predict(pair)["log_p"].to_list())) == 1
    assert len(set(fitted("seed=1").predict(pair)["log_p"].to_list())) == 2
    assert chosen.spec.encodings.explicit_hydrogens
    with pytest.raises(UsageError, match="sees hydrogens as atoms"):
        hooke.explain(chosen.run.folder, ["CCO"], tmp_path / "page.html")
    with pytest.raises(UsageError, match="goes with labels of molecules alone"):
        (tmp_path / "nodes.csv").write_text('smiles,q\nCCO,"[1, 2, 3]"\n')
        ingest(
            [Table(LabelOptions(("q",), level="node"), paths=(tmp_path / "nodes.csv",))], tmp_path / "stores",
            How(0, show_progress=False, sections={"encodings": EncodingConfig(explicit_hydrogens=True)}),
        )  # fmt: skip

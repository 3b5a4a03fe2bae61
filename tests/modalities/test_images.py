"""Images as a modality: what a network must know of them, wells as a source, and vectors and predictions of wells."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from hooke.cells.files import read_measured, read_profiles
from hooke.core import files
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.core.types import Batch
from hooke.images.batch import ImageBatch
from hooke.images.loader import ImageLoader
from hooke.images.spec import ImageSpec
from hooke.images.store import ImageStore
from hooke.images.wells import Wells
from hooke.inference import stream as streaming
from hooke.inference.embed import NOT_FINITE, EmbeddingColumn, embed
from hooke.inference.ensemble import Ensemble
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict, predict_in_memory
from hooke.inference.shipped import run_path
from hooke.inference.stream import StreamReport, read_stamp
from hooke.maps.correction import correct_file
from hooke.modalities import images as module
from hooke.modalities import trainable
from hooke.modalities.images import View, WellSource
from hooke.models import resnet
from hooke.nn.images import batch_statistics
from hooke.nn.images.batch_statistics import adapted
from hooke.nn.images.dihedral import ALL, FLIPS, turn
from hooke.nn.images.fork import Branch, fork
from hooke.nn.images.network import ImageNetwork
from hooke.studies.run_report import citations_of

IMAGES = trainable("images", "fit")


@pytest.fixture
def encoder(image_run: Path) -> LoadedRun:
    return LoadedRun.open(image_run, "cpu")


@pytest.fixture(scope="session")
def classifier() -> LoadedRun:
    """The encoder that comes with Hooke: it learnt classes and measured features, and reads any channels."""
    return LoadedRun.open(run_path("tiny_cells"), "cpu")


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    """A small screen with 3 fields a well."""
    from hooke.core.how import QUIET
    from hooke.datasets.screen import Config, Dataset

    config = Config(
        size=32, modules=1, genes_per_module=2, lone_genes=0, inactive_genes=0, guides=1, experiments=1, controls=3,
        coverage=1.0, sites=3, tile=32,
    )  # fmt: skip
    return Dataset(config).prepare(tmp_path_factory.mktemp("sites"), QUIET)


def embedded(run: LoadedRun, store: ImageStore, output: Path, **options: Any) -> StreamReport:
    return embed(run, store, output, show_progress=False, **options)


def vectors(run: LoadedRun, store: ImageStore, wells: list[int], **options: Any) -> np.ndarray:
    """(wells, width) of some wells."""
    view = View(**options)
    return run.of_source(WellSource(store, run.spec, view, 32, 0, np.array(wells)), view)


def spec_of(store: ImageStore, recipe: Any) -> ImageSpec:
    found = IMAGES.spec(store, np.arange(len(store)), recipe)
    assert isinstance(found, ImageSpec)
    return found


def test_one_row_a_well_that_hooke_map_reads(encoder: LoadedRun, screen: ImageStore, tmp_path: Path) -> None:
    report = embedded(encoder, screen, tmp_path / "wells.parquet")
    wells = Wells.of(screen)
    assert (report.rows, report.done, report.facts["fields"], encoder.width) == (
        len(wells),
        len(wells),
        len(screen),
        32,
    )
    assert f"{report.rows} wells" in report.summary()
    assert report.summary().endswith(f"next    hooke map correct {tmp_path / 'wells.parquet'} -o corrected.parquet")
    profiles = read_profiles(tmp_path / "wells.parquet")
    assert len(profiles) == len(wells)
    assert profiles.dim == 32
    assert profiles.metadata["well"].to_list() == wells.table["well"].to_list()
    assert (profiles.column("control") == "negative").any()
    pixels = torch.from_numpy(screen.read(wells.rows[2]).astype(np.int32)).to(torch.uint16)
    batch = ImageBatch(pixels, screen.channels, torch.from_numpy(wells.rows[2]))
    with torch.no_grad():
        expected = encoder.network.embed(batch).mean(0)
    assert np.allclose(profiles.values[2], expected, atol=1e-5)
    measured = read_measured(tmp_path / "wells.parquet")
    assert measured.metadata.columns == [*wells.table.columns]
    stamp = read_stamp(tmp_path / "wells.parquet")
    assert stamp is not None
    assert stamp["source_hash"] == screen.content_hash
    view = {name: stamp["facts"][name] for name in ("crop", "grid", "channels", "block", "symmetry", "simulated")}
    assert view == {
        "crop": 0, "grid": "cover", "channels": list(screen.channels), "block": -1, "symmetry": "none", "simulated": True,
    }  # fmt: skip


def test_a_well_is_the_mean_of_its_fields_and_a_field_that_of_its_crops(encoder: LoadedRun, sites: ImageStore) -> None:
    wells = Wells.of(sites)
    assert {len(rows) for rows in wells.rows} == {3}
    loader = ImageLoader(sites, np.arange(len(sites)), 5, seed=None, crop=16, channels=sites.channels)
    crops: dict[int, list[np.ndarray]] = {}
    for batch in loader.tiles():
        with torch.no_grad():
            found = encoder.network.embed(batch).double().numpy()
        for row, vector in zip(batch.rows.tolist(), found, strict=True):
            crops.setdefault(row, []).append(vector)
    assert {len(own) for own in crops.values()} == {4}
    fields = np.stack([np.mean(crops[row], axis=0) for row in range(len(sites))]).astype(np.float32)
    expected = np.stack([fields[rows].mean(axis=0) for rows in wells.rows])
    np.testing.assert_allclose(encoder.embed(sites, crop=16), expected, atol=1e-5)


def test_a_finished_output_is_kept_and_a_stopped_one_goes_on(
    encoder: LoadedRun, screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_WELLS", 5)
    whole = embedded(encoder, screen, tmp_path / "whole.parquet")
    assert whole.resumed_rows == 0
    again = embedded(encoder, screen, tmp_path / "whole.parquet")
    assert again.resumed_rows == whole.rows
    placed: list[Path] = []

    def stop(step: str, path: Path) -> None:
        if step == "place" and path.name.startswith("part-"):
            placed.append(path)
        if len(placed) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "watchers", [stop])
        with pytest.raises(KeyboardInterrupt):
            embedded(encoder, screen, tmp_path / "stopped.parquet")
    resumed = embedded(encoder, screen, tmp_path / "stopped.parquet")
    assert resumed.resumed_rows == 10
    assert pl.read_parquet(tmp_path / "whole.parquet").equals(pl.read_parquet(tmp_path / "stopped.parquet"))
    assert not list(tmp_path.glob("*.parts"))


def test_parts_of_another_size_are_not_continued(
    encoder: LoadedRun, screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_WELLS", 5)
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "_join", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embedded(encoder, screen, tmp_path / "wells.parquet")
    monkeypatch.setattr(module, "PART_WELLS", 7)
    report = embedded(encoder, screen, tmp_path / "wells.parquet")
    assert report.resumed_rows == 0
    assert len(pl.read_parquet(tmp_path / "wells.parquet")) == report.rows


def test_any_channels_in_any_order(encoder: LoadedRun, screen: ImageStore) -> None:
    def found(*channels: str) -> np.ndarray:
        return vectors(encoder, screen, [0, 1, 2, 3], channels=channels)

    assert np.allclose(found(), found(*screen.channels[::-1]), atol=1e-5)
    assert found("DNA").shape == found().shape
    assert not np.allclose(found("DNA"), found("ER"), atol=1e-3)
    with pytest.raises(UnknownNameError):
        WellSource(screen, encoder.spec, View(channels=("Golgi",)), 32, 0)


def test_an_encoder_with_numbers_of_its_own_for_each_channel(
    classifier: LoadedRun, sites: ImageStore, tmp_path: Path
) -> None:
    each = classifier.width // len(classifier.spec.channels)
    for channels in (("DNA",), ("ER", "DNA", "Mito"), ()):
        report = embedded(classifier, sites, tmp_path / "wells.parquet", channels=channels)
        count = len(channels or sites.channels)
        assert pl.read_parquet(tmp_path / "wells.parquet")["embedding"].dtype == pl.Array(pl.Float32, count * each)
        assert report.done == report.rows
    with pytest.raises(UsageError, match="other channels than the run was trained on"):
        predict_in_memory(classifier, sites, channels=("DNA", "ER"))


def test_crops_blocks_and_faults(encoder: LoadedRun, screen: ImageStore, tmp_path: Path) -> None:
    tiles = vectors(encoder, screen, [5, 2], crop=16, grid=(2, 2))
    alone = vectors(encoder, screen, [2], crop=16)
    assert np.allclose(tiles[1], alone[0], atol=1e-5)
    first = vectors(encoder, screen, [5, 2], block=1)
    assert not np.allclose(first, vectors(encoder, screen, [5, 2]), atol=1e-3)
    with pytest.raises(UsageError, match="must end in"):
        embedded(encoder, screen, tmp_path / "wells.npy")
    none = WellSource(screen, encoder.spec, View(crop=16), 32, 0, np.zeros(0, np.int64))
    with pytest.raises(DataError, match="holds no rows"):
        streaming.stream(
            none, tmp_path / "wells.parquet", EmbeddingColumn(encoder, none, View()), encoder.stamp(), {}, workers=0, resume=True,
            show_progress=False, doing="embedding",
        )  # fmt: skip
    broken = encoder.untrained()
    for parameter in broken.network.parameters():
        parameter.data.fill_(float("nan"))
    report = embedded(broken, screen, tmp_path / "nothing.parquet")
    assert (report.done, report.reasons) == (0, {NOT_FINITE: report.rows})
    with pytest.raises(DataError, match=f"none of the {report.rows} rows holds a number"):
        correct_file(tmp_path / "nothing.parquet", tmp_path / "corrected.parquet")


class Spoilt(LoadedRun):
    """A run with no finite vector of one field."""

    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        found = super().vectors(batch, options)
        found[batch.rows.numpy() == 4] = np.inf
        return found


def test_a_well_without_a_vector_is_reported_and_left_out_of_maps(
    encoder: LoadedRun, sites: ImageStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wells = Wells.of(sites)
    spoilt = next(number for number, rows in enumerate(wells.rows) if 4 in rows)
    report = embedded(Spoilt(**vars(encoder)), sites, tmp_path / "wells.parquet")
    assert (report.rows, report.rejected, report.reasons) == (len(wells), 1, {NOT_FINITE: 1})
    table = pl.read_parquet(tmp_path / "wells.parquet")
    assert table["embedding"].is_null().to_list() == [number == spoilt for number in range(len(wells))]
    with caplog.at_level(logging.WARNING):
        summary = correct_file(tmp_path / "wells.parquet", tmp_path / "corrected.parquet", method="centre")
    assert summary["wells"] == len(wells) - 1
    [message] = [record.getMessage() for record in caplog.records if "wells.parquet" in record.getMessage()]
    assert f"1 of {len(wells)} rows hold no number and are left out: 1 × {NOT_FINITE}" in message
    corrected = read_profiles(tmp_path / "corrected.parquet")
    assert corrected.column("well").tolist() == [
        well for number, well in enumerate(wells.table["well"]) if number != spoilt
    ]


def test_the_mean_over_turns_does_not_depend_on_how_a_field_lies(encoder: LoadedRun, screen: ImageStore) -> None:
    rows = np.arange(3)
    found = {name: vectors(encoder, screen, [0, 1, 2], symmetry=name) for name in ("none", "flips", "dihedral")}
    batch = next(iter(ImageLoader(screen, rows, 3, seed=None, channels=screen.channels).epoch(0)))
    for name, elements in (("none", (0,)), ("flips", FLIPS), ("dihedral", ALL)):
        turned = [replace(batch, pixels=turn(batch.pixels, element).contiguous()) for element in elements]
        with torch.no_grad():
            expected = torch.stack([encoder.network.embed(one) for one in turned]).mean(0)
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    assert not np.allclose(found["none"], found["dihedral"], atol=1e-4)
    with pytest.raises(UnknownNameError, match="dihedral"):
        View(symmetry="dihedrall")  # type: ignore[arg-type]


def test_whole_parts_in_workers_are_the_same(
    encoder: LoadedRun, screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a cluster, without one: work and jobs travel as bytes, and a worker opens the store by itself."""
    monkeypatch.setattr(module, "PART_WELLS", 5)
    embedded(encoder, screen, tmp_path / "one.parquet")
    given = []

    def mapped(cluster: str, work: Any, jobs: Any, **options: Any) -> Generator[Any]:
        given.append((cluster, options))
        there = pickle.loads(pickle.dumps(work))
        assert there.source._store is None
        assert "wells" not in vars(there.source)
        for job in jobs:
            yield there(pickle.loads(pickle.dumps(job)))

    monkeypatch.setattr(streaming, "current", lambda: "a cluster")
    monkeypatch.setattr(streaming, "cluster_map", mapped)
    embedded(encoder, screen, tmp_path / "two.parquet", workers=2)
    assert given == [("a cluster", {"workers": 2, "gpus": 0.0})]
    assert pl.read_parquet(tmp_path / "one.parquet").equals(pl.read_parquet(tmp_path / "two.parquet"))


def test_processes_that_read_change_nothing(encoder: LoadedRun, screen: ImageStore, tmp_path: Path) -> None:
    for workers in (0, 2):
        embedded(encoder, screen, tmp_path / f"{workers}.parquet", workers=workers)
    assert pl.read_parquet(tmp_path / "0.parquet").equals(pl.read_parquet(tmp_path / "2.parquet"))


def test_wells_are_predicted(classifier: LoadedRun, sites: ImageStore, tmp_path: Path) -> None:
    report = predict(classifier, sites, tmp_path / "wells.parquet", uncertainty=False, show_progress=False)
    wells, found = Wells.of(sites), pl.read_parquet(tmp_path / "wells.parquet")
    assert (report.rows, report.done, report.following) == (len(wells), len(wells), "")
    [label] = [label for label in classifier.labels if label.classes]
    probabilities = found.select([f"{label.name}[{name}]" for name in label.names]).to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    loader = ImageLoader(sites, wells.rows[1], 8, seed=None, crop=classifier.spec.crop or None, channels=sites.channels)
    [batch] = loader.epoch(0)
    expected = classifier.predictor.predict(batch)["field"].mean.mean(axis=0)[: label.classes]
    np.testing.assert_allclose(probabilities[1], expected, atol=1e-5)
    assert found[label.name].to_list() == [label.names[code] for code in probabilities.argmax(axis=1)]
    in_memory = predict_in_memory(classifier, sites.folder, uncertainty=False)
    assert in_memory.drop("reason").equals(found.drop("reason"))
    with pytest.raises(UsageError, match="block changes embeddings alone"):
        predict_in_memory(classifier, sites, block=1)


def test_reconstruction_predicts_nothing(encoder: LoadedRun, screen: ImageStore) -> None:
    with pytest.raises(
        UsageError, match="learned without labels and predicts none: `hooke embed` gives vectors of fields"
    ):
        predict_in_memory(encoder, screen)


def test_the_spec_of_a_recipe(screen: ImageStore) -> None:
    recipe = load_recipe("tiny_wsl", ['images.channels=["ER", "DNA"]', "images.crop=24"])
    spec = spec_of(screen, recipe)
    assert (spec.channels, spec.batches, spec.crop) == (("ER", "DNA"), screen.batches, 24)
    assert [(label.name, label.names) for label in spec.labels] == [("perturbation", screen.classes("perturbation")[1])]
    assert not spec.agnostic
    assert spec_of(screen, load_recipe("tiny_ca_mae")).agnostic
    with pytest.raises(UnknownNameError, match="DNA"):
        spec_of(screen, load_recipe("tiny_wsl", ['images.channels=["DNAA"]']))
    alone = replace(recipe, task=replace(recipe.task, config=replace(recipe.task.config, target="cell_type")))
    with pytest.raises(UsageError, match="1 kinds of 'cell_type'; perturbation_classification needs at least two"):
        spec_of(screen, alone)


def test_runs_of_the_first_release(image_run: Path, screen: ImageStore, tmp_path: Path) -> None:
    spec = IMAGES.read_spec(RunFolder(image_run))
    assert spec == spec_of(screen, load_recipe("tiny_ca_mae"))
    copy = tmp_path / "copy"
    shutil.copytree(image_run, copy)
    (copy / "spec.json").unlink()
    released = {"channels": list(spec.channels), "batches": list(spec.batches), "target": "", "classes": []}
    (copy / "images.json").write_text(json.dumps(released))
    assert IMAGES.read_spec(RunFolder(copy)) == spec
    new, old = (LoadedRun.open(folder, "cpu") for folder in (image_run, copy))
    state, other = new.network.state_dict(), old.network.state_dict()
    assert all(bool((value == other[name]).all()) for name, value in state.items())
    np.testing.assert_array_equal(new.embed(screen), old.embed(screen))


def test_the_shipped_encoder_keeps_its_identity(classifier: LoadedRun) -> None:
    assert classifier.model_hash == "7fdbd0465c52e01fed295e64dd98c32c595420388285ff4af7c4314b30ef39e6"
    assert classifier.spec.agnostic
    assert len(classifier.spec.labels) == 1 + 193


def test_an_encoder_and_its_untrained_twin(encoder: LoadedRun, screen: ImageStore) -> None:
    assert encoder.modality == "images"
    assert encoder.network.encoder.blocks == 2
    assert encoder.spec.crop == 0
    assert WellSource(screen, encoder.spec, View(), 32, 0).view.channels == screen.channels
    random = encoder.untrained(1)
    assert random.model_hash != encoder.model_hash
    assert random.model_hash == encoder.untrained(1).model_hash
    first, second = (next(iter(one.network.parameters())) for one in (encoder, random))
    assert not (first == second).all()
    assert set(encoder.stamp()) == {"run", "model_hash", "data_hash", "versions"}


def test_encoders_of_fixed_channels_want_their_own(encoder: LoadedRun, screen: ImageStore) -> None:
    fixed = replace(encoder.spec, channels=("ER", "DNA"), agnostic=False)
    assert WellSource(screen, fixed, View(), 32, 0).view.channels == ("ER", "DNA")
    with pytest.raises(UnknownNameError, match="Golgi"):
        WellSource(screen, replace(fixed, channels=("DNA", "Golgi")), View(), 32, 0)


def test_other_runs_and_other_stores_are_refused(
    encoder: LoadedRun,
    loaded: LoadedRun,
    image_run: Path,
    screen: ImageStore,
    make_run: Callable[..., Path],
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match="not finished"):
        LoadedRun.open(make_run(tmp_path, finished=False))
    copy = tmp_path / "copy"
    shutil.copytree(image_run, copy)
    recipe = json.loads((copy / "recipe.json").read_text())
    recipe["model"]["widht"] = 3
    (copy / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(DataError, match="recipe.json is damaged"):
        LoadedRun.open(copy)
    with pytest.raises(DataError, match="not a finished store"):
        encoder.embed(tmp_path)
    with pytest.raises(DataError, match="is a store, but not one of molecules"):
        loaded.embed(screen.folder)
    with pytest.raises(UsageError, match="smiles_column is no option for a run on images"):
        encoder.embed(screen, smiles_column="s")


def test_data_and_citations(image_run: Path, screen: ImageStore) -> None:
    found = IMAGES.describe(screen).section
    assert found.rows_kept == len(screen)
    assert "simulated" in found.notes[0]
    assert "ca_mae" in citations_of(RunFolder(image_run))


@pytest.fixture
def normed(encoder: LoadedRun, sites: ImageStore) -> LoadedRun:
    """A network with batch norm in the place of the run's."""
    torch.manual_seed(0)
    spec = replace(encoder.run_spec, channels=sites.channels)
    network = ImageNetwork(resnet.Model(resnet.PRESETS["tiny"], spec))
    return replace(encoder, run_spec=spec, predictor=Ensemble([network], encoder.ensemble.task))


def test_adapted_vectors_have_the_statistics_of_their_experimental_batch(
    normed: LoadedRun, sites: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_WELLS", 2)
    passes: list[int] = []
    adapt_statistics = batch_statistics.adapt_statistics

    def counted(network: Any, batches: Any) -> int:
        passes.append(adapt_statistics(network, batches))
        return passes[-1]

    monkeypatch.setattr(batch_statistics, "adapt_statistics", counted)
    embed(normed, sites, tmp_path / "a.parquet", adapt=True, show_progress=False)
    assert len(passes) == len(sites.batches) < len(Wells.of(sites)) / 2  # once a batch, not once a job
    embed(normed, sites, tmp_path / "plain.parquet", show_progress=False)
    written = pl.read_parquet(tmp_path / "a.parquet")["embedding"].to_numpy()
    assert not np.allclose(written, pl.read_parquet(tmp_path / "plain.parquet")["embedding"].to_numpy(), atol=1e-3)
    network, wells = normed.network, Wells.of(sites)
    batches = sites.batch_index
    for number in range(len(sites.batches)):
        own = np.flatnonzero(batches == number)
        with adapted(network, ImageLoader(sites, own, 32, seed=None).epoch(0)):
            [part] = ImageLoader(sites, own, len(own), seed=None).epoch(0)
            with torch.no_grad():
                vectors = network.embed(part).numpy()
        for place, rows in enumerate(wells.rows):
            if batches[rows[0]] == number:
                expected = vectors[np.searchsorted(own, rows)].mean(axis=0)
                np.testing.assert_allclose(written[place], expected, rtol=1e-4, atol=1e-5)
    source = WellSource(sites, normed.spec, View(adapt=True), 32, 0)
    jobs = [source.chunk(job) for job in source.jobs()]
    assert sum(chunk.table.num_rows for chunk in jobs) == len(wells)
    assert max(chunk.table.num_rows for chunk in jobs) == 2
    assert [chunk.table.num_rows for chunk in map(source.chunk, source.jobs(skip=2))] == [
        chunk.table.num_rows for chunk in jobs[2:]
    ]


def test_what_cannot_be_adapted_is_refused(encoder: LoadedRun, screen: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no batch norm"):
        embed(encoder, screen, tmp_path / "a.parquet", adapt=True, show_progress=False)


def test_a_fork_shares_the_first_stages(encoder: LoadedRun, screen: ImageStore) -> None:
    [batch] = ImageLoader(screen, np.arange(4), 4, seed=None).epoch(0)
    copies = fork(encoder.network.encoder, batch, [Branch(element) for element in FLIPS], 1)
    np.testing.assert_allclose(
        encoder.vectors(batch, View(symmetry="flips", fork=1)), copies.mean(0).detach().numpy(), rtol=1e-6
    )
    whole = encoder.vectors(batch, View(symmetry="flips"))
    assert not np.allclose(encoder.vectors(batch, View(symmetry="flips", fork=1)), whole, atol=1e-5)
    with pytest.raises(UsageError, match="stage from 0 to"):
        encoder.vectors(batch, View(symmetry="flips", fork=99))
    with pytest.raises(UsageError, match="leave out block, or fork"):
        View(fork=1, block=2)

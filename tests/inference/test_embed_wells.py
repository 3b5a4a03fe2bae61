"""Wells from an image encoder: means of means, any channels, any order, and after a kill the same numbers."""

from __future__ import annotations

import pickle
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hooke.inference.embed_wells import View, embed_fields, embed_wells, resolved
from hooke.inference.image_run import LoadedImageRun

from hooke.cells.files import read_profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.images.by_well import Wells
from hooke.images.loader import ImageLoader
from hooke.images.store import ImageStore
from hooke.inference import embed_wells as module
from hooke.nn.images.dihedral import ALL, FLIPS, turn

OPTIONS = {"show_progress": False, "device": "cpu"}


def test_one_row_a_well_that_hooke_map_reads(image_run: Path, screen: ImageStore, tmp_path: Path) -> None:
    report = embed_wells(image_run, screen.folder, tmp_path / "wells.parquet", **OPTIONS)  # type: ignore[arg-type]
    wells = Wells.of(screen)
    assert (report.wells, report.fields, report.width) == (len(wells), len(screen), 32)
    assert str(report.wells) in report.summary()
    profiles = read_profiles(tmp_path / "wells.parquet")
    assert len(profiles) == len(wells)
    assert profiles.metadata["well"].to_list() == wells.table["well"].to_list()
    assert (profiles.column("control") == "negative").any()
    loaded = LoadedImageRun.open(image_run, "cpu")
    pixels = torch.from_numpy(screen.read(wells.rows[2]).astype(np.int32)).to(torch.uint16)
    from hooke.images.batch import ImageBatch

    batch = ImageBatch(pixels, screen.channels, torch.from_numpy(wells.rows[2]))
    with torch.no_grad():
        expected = loaded.network.embed(batch).mean(0)
    assert np.allclose(profiles.values[2], expected, atol=1e-5)


def test_a_finished_output_is_kept_and_a_stopped_one_goes_on(
    image_run: Path, screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_WELLS", 5)
    whole = embed_wells(image_run, screen, tmp_path / "whole.parquet", **OPTIONS)  # type: ignore[arg-type]
    assert whole.resumed_wells == 0
    again = embed_wells(image_run, screen, tmp_path / "whole.parquet", **OPTIONS)  # type: ignore[arg-type]
    assert again.resumed_wells == whole.wells
    real, calls = module.put_in_place, []

    def stop(temporary: Path, path: Path) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(temporary, path)

    monkeypatch.setattr(module, "put_in_place", stop)
    with pytest.raises(KeyboardInterrupt):
        embed_wells(image_run, screen, tmp_path / "stopped.parquet", **OPTIONS)  # type: ignore[arg-type]
    monkeypatch.setattr(module, "put_in_place", real)
    resumed = embed_wells(image_run, screen, tmp_path / "stopped.parquet", **OPTIONS)  # type: ignore[arg-type]
    assert resumed.resumed_wells == 10
    assert pl.read_parquet(tmp_path / "whole.parquet").equals(pl.read_parquet(tmp_path / "stopped.parquet"))
    assert not list(tmp_path.glob("*.parts"))


def test_parts_of_another_size_are_not_continued(
    image_run: Path, screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_WELLS", 5)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_join", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embed_wells(image_run, screen, tmp_path / "wells.parquet", **OPTIONS)  # type: ignore[arg-type]
    monkeypatch.setattr(module, "PART_WELLS", 7)
    report = embed_wells(image_run, screen, tmp_path / "wells.parquet", **OPTIONS)  # type: ignore[arg-type]
    assert report.resumed_wells == 0
    assert len(pl.read_parquet(tmp_path / "wells.parquet")) == report.wells


def test_any_channels_in_any_order(image_run: Path, screen: ImageStore) -> None:
    loaded, rows = LoadedImageRun.open(image_run, "cpu"), np.arange(4)

    def vectors(*channels: str) -> np.ndarray:
        return embed_fields(loaded, screen, rows, resolved(loaded, screen, View(channels=channels)))

    assert np.allclose(vectors(), vectors(*screen.channels[::-1]), atol=1e-5)
    assert vectors("DNA").shape == vectors().shape
    assert not np.allclose(vectors("DNA"), vectors("ER"), atol=1e-3)
    with pytest.raises(UnknownNameError):
        resolved(loaded, screen, View(channels=("Golgi",)))


def test_crops_blocks_and_faults(image_run: Path, screen: ImageStore, tmp_path: Path) -> None:
    loaded, rows = LoadedImageRun.open(image_run, "cpu"), np.array([5, 2])
    tiles = embed_fields(loaded, screen, rows, resolved(loaded, screen, View(crop=16, grid=(2, 2))))
    alone = embed_fields(loaded, screen, rows[1:], resolved(loaded, screen, View(crop=16)))
    assert np.allclose(tiles[1], alone[0], atol=1e-5)
    first = embed_fields(loaded, screen, rows, resolved(loaded, screen, View(block=1)))
    assert not np.allclose(first, embed_fields(loaded, screen, rows, resolved(loaded, screen, View())), atol=1e-3)
    with pytest.raises(UsageError, match="must end in"):
        embed_wells(loaded, screen, tmp_path / "wells.csv")
    with pytest.raises(DataError, match="no fields"):
        embed_fields(loaded, screen, rows[:0], resolved(loaded, screen, View(crop=16)))
    broken = loaded.untrained()
    for parameter in broken.network.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(DataError, match="not finite"):
        embed_fields(replace(broken), screen, rows, resolved(broken, screen, View()))


def test_the_mean_over_turns_does_not_depend_on_how_a_field_lies(image_run: Path, screen: ImageStore) -> None:
    loaded, rows = LoadedImageRun.open(image_run, "cpu"), np.arange(3)
    views = {name: resolved(loaded, screen, View(symmetry=name)) for name in ("none", "flips", "dihedral")}  # type: ignore[arg-type]
    found = {name: embed_fields(loaded, screen, rows, view) for name, view in views.items()}
    batch = next(iter(ImageLoader(screen, rows, 3, seed=None, channels=screen.channels).epoch(0)))
    for name, elements in (("none", (0,)), ("flips", FLIPS), ("dihedral", ALL)):
        turned = [replace(batch, pixels=turn(batch.pixels, element).contiguous()) for element in elements]
        with torch.no_grad():
            expected = torch.stack([loaded.network.embed(one) for one in turned]).mean(0)
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    assert not np.allclose(found["none"], found["dihedral"], atol=1e-4)
    with pytest.raises(UnknownNameError, match="dihedral"):
        resolved(loaded, screen, View(symmetry="dihedrall"))  # type: ignore[arg-type]


def test_whole_parts_in_workers_are_the_same(
    image_run: Path, screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a cluster, without one: work and jobs travel as bytes, and a worker opens the store by itself."""
    monkeypatch.setattr(module, "PART_WELLS", 5)
    embed_wells(image_run, screen, tmp_path / "one.parquet", **OPTIONS)  # type: ignore[arg-type]
    given = []

    def mapped(cluster: str, work: Any, jobs: Any, **options: Any) -> Generator[Any]:
        given.append((cluster, options))
        there = pickle.loads(pickle.dumps(work))
        assert isinstance(there.store, Path)
        for job in jobs:
            yield there(pickle.loads(pickle.dumps(job)))

    monkeypatch.setattr(module, "current", lambda: "a cluster")
    monkeypatch.setattr(module, "cluster_map", mapped)
    embed_wells(image_run, screen, tmp_path / "two.parquet", workers=2, **OPTIONS)  # type: ignore[arg-type]
    assert given == [("a cluster", {"workers": 2, "gpus": 0.0})]
    assert pl.read_parquet(tmp_path / "one.parquet").equals(pl.read_parquet(tmp_path / "two.parquet"))

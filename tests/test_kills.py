"""Killed at every step that changes what a later command would find, each verb, run again, gives what it gives undisturbed.

`core.files` is the one place that writes (`tests/test_house.py`), and calls `watchers` before every step. What a kill there leaves on the
disk is kept as a copy of everything; growing files are also kept with their last bytes torn off. Then the verb runs again on each copy.
`bench/kill_every_step.py` does the same with processes that are really killed.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from hooke.api.data import prepare_data
from hooke.api.quantum import label
from hooke.api.training import _reported
from hooke.cells.profiles import Profiles
from hooke.core import files
from hooke.core.recipe import Recipe, resolve
from hooke.core.runs import RunFolder
from hooke.core.store import Store, check_store
from hooke.inference.embed import embed
from hooke.inference.predict import predict
from hooke.maps.construction import build_file
from hooke.maps.correction import correct_file
from hooke.maps.evaluation import evaluate_file
from hooke.molecules.tables import reading
from hooke.molecules.tables.twins import twin_smiles, write_twin_table
from hooke.train import fit as training

TIMES = ("started", "finished", "seconds", "peak_memory_mb", "hash")  # of run.json: other in every run
Verb = Callable[[], Any]


class Copies:
    """Watches a folder: one copy for each step, as a kill before it would leave everything."""

    def __init__(self, place: Path, copies: Path) -> None:
        self._place, self._copies = place, copies
        self.steps: list[str] = []
        self._grows: tuple[Path, int] | None = None

    def __call__(self, step: str, path: Path) -> None:
        if self._grows is not None:
            grown, before = self._grows
            after = grown.stat().st_size
            if after > before:
                torn = self._keep(f"half of {grown.name} appended") / grown.relative_to(self._place)
                os.truncate(torn, (before + after) // 2)
        self._grows = (path, path.stat().st_size if path.exists() else 0) if step == "append" else None
        self._keep(f"{step} {path.name}")

    def _keep(self, name: str) -> Path:
        folder = self._copies / f"{len(self.steps):04d}"
        shutil.copytree(self._place, folder, symlinks=True)
        self.steps.append(name)
        return folder


def content(place: Path) -> dict[str, object]:
    """What every file below a folder says, by its path; times, and the numbers in names that come from them, are left out."""
    return {
        re.sub(r"\d{8}T\d{6}-", "", str(path.relative_to(place))): _said(path)
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def _said(path: Path) -> object:
    if path.name == "run.json":
        return {name: value for name, value in json.loads(path.read_bytes()).items() if name not in TIMES}
    if path.name in ("report.json", "report.html"):
        return path.name == "report.html" or json.loads(path.read_bytes())["results"]
    return path.read_bytes()


def survives(verb: Verb, place: Path, copies: Path) -> list[str]:
    """Run a verb, then again from each of its steps; returns the steps."""
    copies.mkdir()
    watcher = Copies(place, copies)
    files.watchers.append(watcher)
    try:
        verb()
    finally:
        files.watchers.remove(watcher)
    whole = content(place)
    assert not [name for name in whole if name.endswith((".tmp", ".lock"))]
    for number, step in enumerate(watcher.steps):
        shutil.rmtree(place)
        shutil.copytree(copies / f"{number:04d}", place, symlinks=True)
        try:
            verb()
        except Exception as error:
            raise AssertionError(f"killed before {step!r} ({number}), the verb refuses: {error}") from error
        again = content(place)
        assert set(again) == set(whole), f"killed before {step!r} ({number})"
        assert [name for name in whole if again[name] != whole[name]] == [], f"killed before {step!r} ({number})"
    return watcher.steps


def stops_and_goes_on(verb: Verb, place: Path, make: Callable[[], BaseException]) -> int:
    """Let a verb fail at its first step, then at its second and so on, always on what is left by then; returns the number of failures.

    A full disk is said in words of a `DataError`, or as the error that the command line knows; nothing else is raised.
    """
    empty, stops = place.with_name("empty"), 0
    shutil.copytree(place, empty)
    verb()
    whole = content(place)
    shutil.rmtree(place)
    empty.rename(place)
    while True:
        left = stops

        def watcher(step: str, path: Path) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise make()

        files.watchers.append(watcher)
        try:
            verb()
            break
        except BaseException as error:
            if not (isinstance(error, KeyboardInterrupt) or files.is_disk_full(error) or "disk" in str(error)):
                raise AssertionError(f"stopped at step {stops} with other words: {error!r}") from error
            stops += 1
        finally:
            files.watchers.remove(watcher)
    again = content(place)
    assert set(again) == set(whole)
    assert [name for name in whole if again[name] != whole[name]] == []
    return stops


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "place" / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    (folder / "cache").mkdir(parents=True)
    return folder


def _molecules(tmp_path: Path) -> Path:
    rows = [
        f"{text},{number}.5" for number, text in enumerate([*twin_smiles(14, seed=1), *twin_smiles(3, seed=1), "bad("])
    ]
    path = tmp_path / "assay.csv"
    path.write_text("\n".join(["smiles,y", *rows]) + "\n")
    return path


def test_prepare_molecules(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 6)
    table = _molecules(tmp_path)
    steps = survives(lambda: prepare_data("csv", [f"path={table}"], workers=0), place, tmp_path / "copies")
    [store] = (place / "cache" / "stores").iterdir()
    assert check_store(store) == []
    assert Store.open(store).rows == 14
    assert {"write 00000001.npz", "place 00000001.npz"} <= {re.sub(r"\.\d+-.*", "", step) for step in steps}
    assert len(steps) > 30


def test_prepare_images(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images" / "one" / "P1"
    folder.mkdir(parents=True)
    for well in ("A01", "A02"):
        pixels = np.random.default_rng(len(well)).integers(1, 99, (2, 16, 16), dtype=np.uint8)
        np.savez(folder / f"{well}_s1.npz", image=pixels, channels=np.array(["DNA", "ER"]))
    table = tmp_path / "wells.csv"
    table.write_text("experiment,plate,well,perturbation\none,P1,A01,a\none,P1,A02,b\n")
    options = [f"path={tmp_path / 'images'}", f"metadata={table}", "tile=16", "illumination=plate"]
    survives(lambda: prepare_data("image_folder", options, workers=0), place, tmp_path / "copies")


def test_prepare_profiles(place: Path, wells: Profiles, tmp_path: Path) -> None:
    source = wells.write(tmp_path / "wells.parquet")
    survives(lambda: prepare_data("profiles", [f"path={source}"], workers=0), place, tmp_path / "copies")


def _recipe(tmp_path: Path, model: dict[str, Any], **train: Any) -> Recipe:
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=24)
    return resolve(
        {
            "name": "small", "data": {"name": "csv", "path": str(table)}, "model": model,
            "train": {"batch_size": 16, "threads": 1, "accelerator": "cpu", **train},
        }
    )  # fmt: skip


GINE = {"name": "gine", "preset": "tiny", "width": 8, "depth": 1}


@pytest.mark.parametrize(
    ("model", "train"), [(GINE, {"epochs": 2, "refit": True}), ({"name": "ridge"}, {})], ids=["network", "estimator"]
)  # fmt: skip
def test_fit(model: dict[str, Any], train: dict[str, Any], place: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, model, **train)
    training.prepare(recipe, workers=0, show_progress=False)
    survives(
        lambda: training.fit(recipe, runs=place / "runs", report=True, workers=0, show_progress=False), place, tmp_path / "copies"
    )  # fmt: skip
    [folder] = (place / "runs" / "small").iterdir()
    assert RunFolder.open(folder).info["report"] == training.OWED


def test_a_kill_while_the_report_is_written_does_not_train_again(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, runs = _recipe(tmp_path, {"name": "ridge"}), place / "runs"

    def fit() -> RunFolder:
        return training.fit(recipe, runs=runs, report=True, workers=0, show_progress=False)

    trained = fit()
    monkeypatch.setattr(training, "_train", None)  # fails when it is called

    def finish() -> None:
        if (
            RunFolder(trained.folder).info["report"] == training.OWED
        ):  # the last step of all is the mark that it is written
            _reported(fit(), report=True, show_progress=False)

    survives(finish, place, tmp_path / "copies")
    assert [path.name for path in (runs / "small").iterdir()] == [trained.folder.name]
    assert trained.info["report"] == training.REPORTED


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_predict(name: str, run: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 6)
    monkeypatch.setattr("hooke.modalities.molecules.MoleculeSource.jobs_a_part", 1)
    table = _molecules(tmp_path)
    steps = survives(
        lambda: predict(run, table, place / name, workers=0, device="cpu", show_progress=False), place, tmp_path / "copies"
    )  # fmt: skip
    assert sum(step.startswith("place part-") for step in steps) == 3


def test_predict_over_an_output_of_other_work(run: Path, place: Path, tmp_path: Path) -> None:
    """Neither the old output, nor the old stamp beside the new output, is taken for the new work."""
    table, other = _molecules(tmp_path), tmp_path / "other.csv"
    other.write_text("smiles\nCCO\nCCN\n")
    predict(run, other, place / "out.csv", workers=0, device="cpu", show_progress=False)
    survives(
        lambda: predict(run, table, place / "out.csv", workers=0, device="cpu", show_progress=False), place, tmp_path / "copies"
    )  # fmt: skip
    assert len(pl.read_csv(place / "out.csv")) == 18


def test_embed(run: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 6)
    table = _molecules(tmp_path)
    survives(
        lambda: embed(run, table, place / "out.parquet", workers=0, device="cpu", show_progress=False), place, tmp_path / "copies"
    )  # fmt: skip


def test_label(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 3)
    table = tmp_path / "molecules.csv"
    table.write_text("smiles\nC\nN\nO\nbad(\n[H][H]\n")
    steps = survives(
        lambda: label(table, place / "labels.parquet", method="gfn2", workers=0, show_progress=False), place, tmp_path / "copies"
    )  # fmt: skip
    assert len(pl.read_parquet(place / "labels.parquet")) == 5
    assert len(steps) > 8


def test_map(wells: Profiles, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooke.maps.evaluation.MOST_CLUSTERED", 4)
    source = wells.write(tmp_path / "wells.parquet")

    def verbs() -> Sequence[Any]:
        corrected = place / "corrected.parquet"
        return (
            correct_file(source, corrected, method="centre", save=place / "centre.npz"),
            correct_file(source, place / "applied.parquet", apply=place / "centre.npz"),
            build_file(corrected, place / "map.parquet", layout_method="none"),
            evaluate_file(corrected, place / "evaluation", show_progress=False),
        )

    survives(verbs, place, tmp_path / "copies")


STOPS = [lambda: OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt]


@pytest.mark.parametrize("make", STOPS, ids=["full disk", "Ctrl-C"])
def test_a_full_disk_or_ctrl_c_at_every_step(
    make: Callable[[], BaseException], run: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 6)
    monkeypatch.setattr("hooke.modalities.molecules.MoleculeSource.jobs_a_part", 1)
    table, recipe = _molecules(tmp_path), _recipe(tmp_path, {"name": "ridge"})

    def verbs() -> None:
        prepare_data("csv", [f"path={table}"], workers=0, show_progress=False)
        predict(run, table, place / "out.csv", workers=0, device="cpu", show_progress=False)
        training.fit(recipe, runs=place / "runs", reuse=True, workers=0, show_progress=False)

    assert stops_and_goes_on(verbs, place, make) > 20

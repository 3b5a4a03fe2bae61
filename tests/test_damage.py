"""One flipped bit in anything that Hooke wrote is noticed when it is read: made again with a line, or refused; never passed over."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from hooke.api.data import prepare_data
from hooke.cells.profiles import Profiles
from hooke.core import files
from hooke.core.errors import DamagedError, DataError
from hooke.core.recipe import Recipe, resolve
from hooke.core.runs import RunFolder
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict
from hooke.maps.construction import build_file
from hooke.molecules.tables import reading
from hooke.molecules.tables.twins import twin_smiles, write_twin_table
from hooke.train import fit as training


def flip(path: Path, share: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(share * (len(data) - 1))] ^= 4
    path.write_bytes(data)


def stopped(work: Callable[[], Any], step: str, name: str, count: int = 1) -> None:
    """Run something until Ctrl-C before the step of a file of this name."""
    left = count

    def watcher(at: str, path: Path) -> None:
        nonlocal left
        left -= (at, path.name) == (step, name)
        if not left:
            raise KeyboardInterrupt

    files.watchers.append(watcher)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        files.watchers.remove(watcher)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(reading, "CHUNK_ROWS", 6)
    monkeypatch.setattr("hooke.modalities.molecules.MoleculeSource.jobs_a_part", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text("smiles\n" + "\n".join(twin_smiles(18, seed=1)) + "\n")
    return path


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_finished_run_is_refused(make_run: Callable[..., Path], tmp_path: Path, share: float) -> None:
    folder = make_run(tmp_path, calibrated=True)
    LoadedRun.open(folder, "cpu")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert {"members/1/best.safetensors", "spec.json", "uncertainty.json", "recipe.json", "run.json"} <= set(names)
    for name in names:
        whole = (folder / name).read_bytes()
        flip(folder / name, share)
        with pytest.raises(DataError, match=f"{name} (is damaged|cannot be read)"):
            LoadedRun.open(folder, "cpu")
        (folder / name).write_bytes(whole)
    LoadedRun.open(folder, "cpu")


def test_a_damaged_run_stops_no_other(make_run: Callable[..., Path], tmp_path: Path, caplog: Any) -> None:
    folder = make_run(tmp_path)
    flip(folder / "run.json")
    recipe = RunFolder(folder).recipe
    assert RunFolder.find_finished(tmp_path, "tiny", recipe, "data-hash") is None
    assert "run.json is damaged" in caplog.text
    assert "passed over" in caplog.text


def _recipe(tmp_path: Path) -> Recipe:
    return resolve(
        {
            "name": "small", "data": {"name": "csv", "path": str(write_twin_table(tmp_path / "assay.csv", seed=0, rows=24))},
            "model": {"name": "gine", "preset": "tiny", "width": 8, "depth": 1},
            "train": {"batch_size": 16, "threads": 1, "accelerator": "cpu", "epochs": 2, "ensemble": 2},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "name", "count", "damaged"),
    [
        ("place", "predictions_valid.parquet", 1, "members/0/best.safetensors"),
        ("place", "predictions_valid.parquet", 1, "members/1/last.safetensors"),
        ("place", "state.pt", 4, "members/1/state.pt"),
        ("place", "state.pt", 4, "members/1/best.safetensors"),
    ],
)
def test_what_an_unfinished_run_made_is_made_again(
    step: str, name: str, count: int, damaged: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = _recipe(tmp_path)
    store = training.prepare(recipe, workers=0, show_progress=False)

    def fit(runs: str) -> RunFolder:
        return training.fit(recipe, store=store, runs=tmp_path / runs, show_progress=False)

    whole = fit("whole")
    stopped(lambda: fit("runs"), step, name, count)
    [folder] = (tmp_path / "runs" / "small").iterdir()
    flip(folder / damaged)
    again = fit("runs")
    assert again.folder == folder
    assert "is damaged" in caplog.text
    assert "made again" in caplog.text
    made, expected = again.info["files"], whole.info["files"]
    assert {**made, "metrics.jsonl": ""} == {**expected, "metrics.jsonl": ""}
    assert sorted(map(str, again.metrics())) == sorted(map(str, whole.metrics()))  # a member made again comes last


@pytest.mark.parametrize("part", [0, 1])
def test_a_damaged_part_is_made_again(
    part: int, run: Path, table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def work(name: str) -> int:
        return predict(run, table, tmp_path / name, workers=0, device="cpu", show_progress=False).resumed_rows

    assert work("whole.parquet") == 0
    stopped(lambda: work("out.parquet"), "place", "part-000002.parquet")
    flip(tmp_path / "out.parquet.parts" / f"part-{part:06d}.parquet")
    assert work("out.parquet") == 6 * part
    assert "made again" in caplog.text
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_output_is_not_called_finished(
    name: str, share: float, run: Path, table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / name

    def work() -> int:
        return predict(run, table, output, workers=0, device="cpu", show_progress=False).resumed_rows

    assert (work(), work()) == (0, 18)
    whole = output.read_bytes()
    flip(output, share)
    assert work() == 0
    assert output.read_bytes() == whole
    assert name.endswith(".parquet") or "made again" in caplog.text  # a damaged stamp is none


def test_a_stage_and_a_store_are_made_again(table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def prepare() -> Any:
        return prepare_data("csv", [f"path={table}"], workers=0, show_progress=False)

    whole = prepare().content_hash
    [folder] = (tmp_path / "cache" / "stores").iterdir()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            caplog.clear()
            flip(path)
            assert prepare().content_hash == whole
            assert "made again" in caplog.text
    shutil.rmtree(folder)
    stopped(prepare, "place", "manifest-000001.json")
    flip(folder / "stage" / "00000001.npz")
    caplog.clear()
    assert prepare().content_hash == whole
    assert "00000001.npz is damaged" in caplog.text


def test_profiles_and_maps_are_refused(wells: Profiles, tmp_path: Path) -> None:
    source = wells.write(tmp_path / "wells.parquet")
    flip(source)
    with pytest.raises(DamagedError, match=r"wells\.parquet is damaged"):
        build_file(source, tmp_path / "map.parquet", layout_method="none")
    assert not (tmp_path / "map.parquet").exists()
    pl.DataFrame({"embedding_0": [1.0], "gene": ["A"]}).write_parquet(source)  # another's file has no checksum
    assert len(Profiles.read(source)) == 1

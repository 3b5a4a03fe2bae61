from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.diffraction.conftest import write_pdb

from hooke.core.checked import read_arrays
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.runs import RunFolder
from hooke.diffraction.detector import read_detector, write_detector
from hooke.diffraction.patterns import patterns_from_dense, read_patterns, write_patterns
from hooke.diffraction.rotations import angle_between, sample_rotations
from hooke.diffraction.volumes import read_volume
from hooke.workflows.diffraction_frames import simulate_frames
from hooke.workflows.reconstruct import plan_reconstruction, reconstruct

QUICK: dict[str, Any] = {"n": 1, "starts": 2, "iterations": 3, "show_progress": False}


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of which two are blank and one holds photons on ignored pixels alone."""
    folder = tmp_path_factory.mktemp("frames")
    write_pdb(folder / "a.pdb")
    made = simulate_frames([folder / "a.pdb"], folder / "f.h5", frames=30, photons=60, side=13, show_progress=False)
    dense, detector = read_patterns(made.output).dense(), read_detector(folder / "f.detector.h5")
    dense[[3, 17]] = 0
    dense[5] = 0
    dense[5, np.flatnonzero(detector.mask == 2)[0]] = 4
    write_patterns(folder / "f.h5", patterns_from_dense([dense], "made", detector.shape))
    return folder / "f.h5"


@pytest.fixture(scope="module")
def finished(frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return reconstruct(frames, tmp_path_factory.mktemp("runs"), **QUICK)


def test_every_frame_is_used_or_left_out_for_a_reason(finished: Any) -> None:
    table = pl.read_parquet(finished.run.path("orientations.parquet"))
    assert table["frame"].to_list() == list(range(30))
    left = table.filter(pl.col("reason") != "")
    assert left["frame"].to_list() == [3, 5, 17]
    assert finished.left_out == {"no photon": 2, "no photon outside the mask": 1}
    assert finished.used + sum(finished.left_out.values()) == finished.frames == 30
    used = table.filter(pl.col("reason") == "")
    assert used.select(pl.all().exclude("reason")).to_numpy().shape == (27, 9)
    assert np.isfinite(used.select("w", "x", "y", "z", "probability", "log_likelihood", "fluence").to_numpy()).all()
    np.testing.assert_allclose(used["fluence"].mean(), 1, rtol=1e-6)


def test_the_likeliest_start_is_kept_and_starts_are_compared(finished: Any) -> None:
    lines = finished.run.metrics()
    assert [(line["start"], line["iteration"], line["final"]) for line in lines] == [
        (start, iteration, final)
        for start in range(2)
        for iteration, final in ((1, False), (2, False), (3, False), (3, True))
    ]
    assert finished.best == int(np.argmax(finished.likelihoods))
    assert finished.agreements[finished.best] == 1
    chosen = read_arrays(finished.run.path(f"starts/{finished.best}/model.npz"))
    np.testing.assert_array_equal(read_arrays(finished.run.path("intensity.npz"))["models"], chosen["models"])
    np.testing.assert_array_equal(read_volume(finished.run.path("intensity.mrc")), chosen["models"][0])
    np.testing.assert_array_equal(read_volume(finished.run.path("intensity.cxi")), chosen["models"][0])
    assert finished.run.path("report.html").exists()
    assert finished.verdict == finished.run.info["verdict"]


def test_the_same_command_returns_the_finished_run(frames: Path, finished: Any) -> None:
    again = reconstruct(frames, finished.run.folder.parent.parent, **QUICK)
    assert again.run.folder == finished.run.folder
    assert again.to_json() == finished.to_json()


SCRIPT = """
import sys
from hooke.workflows.reconstruct import reconstruct
reconstruct(sys.argv[1], sys.argv[2], n=1, starts=2, iterations=3, show_progress=False)
"""


def test_a_killed_run_continues_to_the_same_bits(frames: Path, finished: Any, tmp_path: Path) -> None:
    """Killed as soon as there is a checkpoint, wherever it is by then."""
    runs = tmp_path / "runs"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(frames), str(runs)])
    deadline = time.monotonic() + 60
    while process.poll() is None and not list(runs.glob("emc/*/checkpoint.json")) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    again = reconstruct(frames, runs, **QUICK)
    assert len(list(runs.glob("emc/*/run.json"))) == 1
    assert again.likelihoods == finished.likelihoods
    for name in (
        "intensity.npz",
        *(f"starts/{start}/{part}.npz" for start in range(2) for part in ("model", "frames-0")),
    ):
        first, second = (read_arrays(run.path(name)) for run in (again.run, finished.run))
        assert all(
            np.array_equal(first[each], second[each], equal_nan=first[each].dtype.kind == "f") for each in first
        ), name
    assert again.run.metrics() == finished.run.metrics()


def test_a_full_disk_or_a_stop_leaves_the_last_checkpoint_whole(
    frames: Path, finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooke.core import files

    def full(step: str, path: Path) -> None:
        if step == "write" and "model-1-2" in path.name:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "watchers", [full])
    with pytest.raises(DataError, match="the last finished iteration is kept"):
        reconstruct(frames, tmp_path, **QUICK)
    (folder,) = (path.parent for path in tmp_path.glob("emc/*/run.json"))
    assert RunFolder(folder).read_json("checkpoint.json") == {"start": 1, "iteration": 1, "parts": 1}
    monkeypatch.setattr(files, "watchers", [])
    assert reconstruct(frames, tmp_path, **QUICK).likelihoods == finished.likelihoods


def test_what_does_not_fit_is_refused_in_a_line(frames: Path, tmp_path: Path) -> None:
    detector = read_detector(frames.with_name("f.detector.h5"))
    np.save(tmp_path / "few.npy", np.ones((2, 5), int))
    np.save(tmp_path / "blank.npy", np.zeros((2, detector.pixels), int))
    write_detector(tmp_path / "d.h5", detector)
    for arguments, error, text in (
        ({"frames": tmp_path / "few.npy"}, UsageError, "name the detector's file"),
        (
            {"frames": tmp_path / "few.npy", "detector": tmp_path / "d.h5"},
            DataError,
            "has 5 pixels a frame, the detector",
        ),
        ({"frames": tmp_path / "blank.npy", "detector": tmp_path / "d.h5"}, DataError, "no frame holds a photon"),
        ({"anealing": "fixed"}, UnknownNameError, "Did you mean 'annealing'"),
        ({"annealing": "fix"}, UnknownNameError, "fixed"),
        ({"merge": "sum"}, UnknownNameError, "counts"),
        ({"n": 2, "speckles": 3.0}, UsageError, "not both"),
        ({"n": 2, "in_plane": 30}, UsageError, "leave out n"),
        ({"symmetry": "Q3"}, UsageError, "no point group 'Q3'"),
        ({"symmetry": "C2", "in_plane": 30}, UsageError, "does not go with rotations in the plane"),
        ({"refine": -1}, UsageError, "refine is 0 or more"),
        ({"refine": 1, "merge": "normalised"}, UsageError, "refine goes with merge counts"),
        ({"starts": 0}, UsageError, "starts must be 1 or more"),
        ({"accelerator": "tpu"}, UnknownNameError, "cuda"),
    ):
        given = {"frames": frames, **arguments}
        with pytest.raises(error, match=text):
            reconstruct(given.pop("frames"), tmp_path / "runs", **given)
    assert not (tmp_path / "runs").exists()


def test_a_background_is_split_off_and_continues(frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hooke.core import files

    detector = read_detector(frames.with_name("f.detector.h5"))
    np.save(tmp_path / "b.npy", np.full(detector.pixels, 0.1))
    options = {**QUICK, "starts": 1, "background": str(tmp_path / "b.npy")}
    found = reconstruct(frames, tmp_path / "a", **options)
    table = pl.read_parquet(found.run.path("orientations.parquet"))
    assert table["background"].is_finite().sum() == 27

    def full(step: str, path: Path) -> None:
        if step == "write" and "model-0-3" in path.name:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "watchers", [full])
    with pytest.raises(DataError, match="is full"):
        reconstruct(frames, tmp_path / "b", **options)
    monkeypatch.setattr(files, "watchers", [])
    assert reconstruct(frames, tmp_path / "b", **options).likelihoods == found.likelihoods
    np.save(tmp_path / "b.npy", np.full(7, 0.1))
    with pytest.raises(DataError, match="a background is 169 numbers, one a pixel, it has 7"):
        reconstruct(frames, tmp_path / "a", **options)
    np.save(tmp_path / "b.npy", np.full(detector.pixels, 0.1))
    with pytest.raises(UsageError, match="needs merge counts"):
        reconstruct(frames, tmp_path / "a", merge="normalised", **options)


def test_a_plan_counts_without_running(frames: Path) -> None:
    small = plan_reconstruction(frames, n=2, rate=100.0)
    assert (small.rotations, small.blocks, small.frames, small.traffic_mb) == (420, "frames", 30, 0)
    assert small.operations == 4 * 30 * small.pixels * 420
    many = plan_reconstruction(frames, n=60, count=10_000_000, devices=256, accelerator="cuda")
    more = plan_reconstruction(frames, n=60, count=20_000_000, devices=256, accelerator="cuda")
    assert (many.rotations, many.blocks) == (10_800_600, "rotations")
    assert many.traffic_mb == more.traffic_mb > 0
    assert many.operations * 2 == more.operations
    assert "assumed, not run here" in many.rates
    assert plan_reconstruction(frames).rotations == 420  # 6 pixels, 2.5 a speckle: n = 2


def test_refinement_goes_on_from_the_likeliest_start_on_finer_rotations(
    frames: Path, finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooke.core import files

    found = reconstruct(frames, tmp_path / "a", **{**QUICK, "refine": 2})
    assert found.likelihoods == finished.likelihoods
    last = [line for line in found.run.metrics() if line["start"] == 2]
    assert [(line["iteration"], line["final"]) for line in last] == [(1, False), (2, False), (2, True)]
    assert all(line["beta"] == 1 for line in last)
    before, after = (
        pl.read_parquet(run.path("orientations.parquet"))
        .filter(pl.col("reason") == "")
        .select("w", "x", "y", "z")
        .to_numpy()
        for run in (finished.run, found.run)
    )
    away = angle_between(before, after)
    assert away.max() <= sample_rotations(1).spacing + 1e-9
    assert away.max() > 0
    fine = sample_rotations(2).quaternions
    assert np.abs(after @ fine.T).max(axis=1).min() > 1 - 1e-12
    assert "refinement" in found.run.path("report.html").read_text()

    def full(step: str, path: Path) -> None:
        if step == "write" and "model-2-2" in path.name:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "watchers", [full])
    with pytest.raises(DataError, match="the last finished iteration is kept"):
        reconstruct(frames, tmp_path / "b", **{**QUICK, "refine": 2})
    monkeypatch.setattr(files, "watchers", [])
    again = reconstruct(frames, tmp_path / "b", **{**QUICK, "refine": 2})
    first, second = (read_arrays(each.run.path("intensity.npz"))["models"] for each in (again, found))
    np.testing.assert_array_equal(first, second)


def test_a_point_group_is_imposed_and_checked_by_halves_without_it(frames: Path, tmp_path: Path) -> None:
    found = reconstruct(frames, tmp_path, **{**QUICK, "starts": 1, "symmetry": "d2", "models": 2})
    volumes = read_arrays(found.run.path("intensity.npz"))
    model, half = volumes["models"], volumes["models"].shape[1] // 2
    inside = sum(axis**2 for axis in np.ogrid[tuple(slice(-half, half + 1) for _ in range(3))]) <= half**2
    for one, seen in zip(model, volumes["seen"], strict=True):
        for image in (
            (slice(None, None, -1), slice(None, None, -1)),
            (slice(None), slice(None, None, -1), slice(None, None, -1)),
        ):
            kept = inside & seen
            assert kept.sum() > 100
            np.testing.assert_array_equal(seen[image][inside], seen[inside])
            np.testing.assert_allclose(one[kept], one[image][kept], rtol=1e-5)
    assert found.symmetry == "D2"
    assert set(found.support) == {"gain", "expected", "axes", "warning"}
    assert found.support["warning"]  # atoms at random
    assert found.support["warning"] in found.verdict
    assert len(found.likelihoods) == len(found.agreements) == 1
    assert [line["start"] for line in found.run.metrics() if line["final"]] == [0, 1]
    halves = read_arrays(found.run.path("halves.npz"))
    assert halves["models"].shape == (2, *model[0].shape)
    assert (halves["exposures"] > 0).any(axis=(1, 2, 3)).all()
    page = found.run.path("report.html").read_text()
    assert "do not support the symmetry" in page
    assert "without D2" in page
    assert (
        reconstruct(frames, tmp_path, **{**QUICK, "starts": 1, "symmetry": "D2", "models": 2}).to_json()
        == found.to_json()
    )


def test_rotations_in_the_plane_and_two_models(frames: Path, tmp_path: Path) -> None:
    found = reconstruct(frames, tmp_path, in_plane=24, models=2, starts=1, iterations=2, show_progress=False)
    assert found.rotations == 24
    table = pl.read_parquet(found.run.path("orientations.parquet")).filter(pl.col("reason") == "")
    assert set(table["model"].to_list()) == {0, 1}
    assert table["x"].abs().max() == 0
    assert "nothing to compare" in found.verdict

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core import files
from hooke.core.checked import write_arrays
from hooke.core.errors import DataError, UsageError
from hooke.core.runs import RunFolder
from hooke.diffraction.align import aligned
from hooke.diffraction.volumes import read_volume
from hooke.workflows.phase import phase_volume, read_intensity

QUICK: dict[str, Any] = {"iterations": 150, "refine": 30, "blur": 1.5, "last_blur": 0.8, "show_progress": False}


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(24) - 12] * 3, indexing="ij"), axis=-1).astype(float)
    places = rng.uniform(-4.5, 4.5, (25, 3)) * np.array([1.0, 0.7, 0.9])
    return sum(np.exp(-((grid - p) ** 2).sum(axis=-1) / 2.0) for p in places[places[:, 0] + places[:, 1] < 3])


@pytest.fixture(scope="module")
def source(truth: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("phase") / "intensity.npy"
    np.save(path, np.abs(np.fft.fftshift(np.fft.fftn(truth))) ** 2)
    return path


def test_a_density_from_its_intensity(truth: np.ndarray, source: Path, tmp_path: Path) -> None:
    found = phase_volume(source, tmp_path, starts=4, centre=1.5, voxel=0.01, **QUICK)
    assert found.agreeing >= 3
    assert found.verdict == f"{found.agreeing} of 4 starts agree"
    assert aligned(truth, found.density.astype(float)).correlation > 0.95
    assert np.nanmean(found.prtf) > 0.9
    assert np.isnan(found.prtf[:1]).all()
    assert found.voxel == pytest.approx(100 / 24)
    np.testing.assert_array_equal(read_volume(found.run.path("density.cxi")), found.density)
    assert found.starts["used"].sum() + (~found.starts["used"]).sum() == 4
    page = found.run.path("report.html").read_text()
    assert 'class="turn"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    again = phase_volume(source, tmp_path, starts=4, centre=1.5, voxel=0.01, **QUICK)
    assert again.run.folder == found.run.folder
    fresh = phase_volume(source, tmp_path, starts=4, centre=1.5, voxel=0.01, new=True, **QUICK)
    assert fresh.run.folder != found.run.folder
    np.testing.assert_array_equal(fresh.density, found.density)


def test_a_stopped_run_goes_on_to_the_same_bits(source: Path, tmp_path: Path) -> None:
    whole = phase_volume(source, tmp_path / "whole", starts=3, **QUICK)
    left = 2

    def watcher(step: str, path: Path) -> None:
        nonlocal left
        left -= step == "place" and path.suffix == ".npz"
        if left < 1:
            raise KeyboardInterrupt

    files.watchers.append(watcher)
    try:
        with pytest.raises(KeyboardInterrupt):
            phase_volume(source, tmp_path / "cut", starts=3, **QUICK)
    finally:
        files.watchers.remove(watcher)
    [run] = (tmp_path / "cut" / "phase").iterdir()
    assert [path.name for path in (run / "starts").iterdir()] == ["0.npz"]
    kept = (run / "starts" / "0.npz").stat().st_mtime_ns
    resumed = phase_volume(source, tmp_path / "cut", starts=3, **QUICK)
    assert resumed.run.folder == run
    assert (run / "starts" / "0.npz").stat().st_mtime_ns == kept
    for name in ("density.mrc", "starts.parquet", "curves.json"):
        assert resumed.run.path(name).read_bytes() == whole.run.path(name).read_bytes()


def test_starts_that_do_not_agree_are_said(tmp_path: Path) -> None:
    np.save(tmp_path / "noise.npy", np.random.default_rng(0).exponential(size=(16, 16, 16)))
    found = phase_volume(tmp_path / "noise.npy", tmp_path, starts=4, **{**QUICK, "iterations": 40})
    assert found.agreeing < 4
    assert "agree" in found.verdict
    assert "cannot be trusted" in found.verdict or "may be wrong" in found.verdict or found.agreeing == 3


def test_an_image(tmp_path: Path, truth: np.ndarray) -> None:
    np.save(tmp_path / "pattern.npy", np.abs(np.fft.fftshift(np.fft.fftn(truth.sum(axis=2)))) ** 2)
    mask = np.zeros((24, 24), bool)
    mask[11:14, 11:14] = True
    np.save(tmp_path / "mask.npy", mask.astype(np.uint8))
    found = phase_volume(tmp_path / "pattern.npy", tmp_path, starts=3, mask=tmp_path / "mask.npy", **QUICK)
    assert found.density.shape == (24, 24)
    assert 'class="turn"' not in found.run.path("report.html").read_text()


def test_a_run_of_reconstruct(source: Path, tmp_path: Path) -> None:
    values = np.load(source)
    run = RunFolder.create(tmp_path, "emc", {"name": "emc"}, "hash")
    seen = np.ones(values.shape, bool)
    seen[12, 12, 12] = False
    write_arrays(run.path("intensity.npz"), {"models": np.stack([values, 2 * values]), "seen": np.stack([seen, seen])})
    run.finish()
    given = read_intensity(run.folder, model=1)
    np.testing.assert_array_equal(given.values, 2 * values)
    assert not given.known[12, 12, 12]
    assert not given.known[0, 0, 0]
    assert read_intensity(run.folder, corners=True).known[0, 0, 0]
    with pytest.raises(UsageError, match="there is no model 2"):
        read_intensity(run.folder, model=2)
    other = RunFolder.create(tmp_path, "fit", {"name": "fit"}, "hash")
    other.finish()
    with pytest.raises(DataError, match="is not a run of `hooke diffraction reconstruct`"):
        read_intensity(other.folder)


def test_refusals(source: Path, tmp_path: Path) -> None:
    for options, text in (
        ({"algorithm": "hoi"}, "Did you mean 'hio'"), ({"betta": 1.0}, "Did you mean 'beta'"), ({"starts": 0}, "starts: 1 or more"),
        ({"beta": 0.0}, "beta is above 0"), ({"refine": 900}, "of which 0 or more refine"), ({"centre": -1.0}, "unknown centre"),
        ({"accelerator": "tpu"}, "unknown accelerator"), ({"blur": -1.0}, "0 or more"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            phase_volume(source, tmp_path, **options)  # type: ignore[arg-type]
        assert text in str(caught.value)
    np.save(tmp_path / "small.npy", np.ones((4, 4, 4)))
    np.save(tmp_path / "zero.npy", np.zeros((9, 9, 9)))
    np.save(tmp_path / "mask.npy", np.zeros((9, 9)))
    for name, options, text in (
        ("small.npy", {}, "8 voxels an edge"), ("zero.npy", {}, "nothing is known"), ("none.npy", {}, "does not exist"),
        ("zero.npy", {"mask": tmp_path / "mask.npy"}, "has the shape (9, 9)"),
    ):  # fmt: skip
        with pytest.raises(DataError) as error:
            phase_volume(tmp_path / name, tmp_path, **options)  # type: ignore[arg-type]
        assert text in str(error.value)
    assert not (tmp_path / "phase").exists()

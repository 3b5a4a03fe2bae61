from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hooke.core import runs
from hooke.core.errors import DataError, HookeError
from hooke.core.runs import RunFolder, run_identity

RECIPE = {"name": "tiny", "train": {"epochs": 1}}


def test_what_changes_no_bit_is_not_part_of_the_identity() -> None:
    saved_often = {**RECIPE, "train": {"epochs": 1, "checkpoint_seconds": 1.0, "tensorboard": True}}
    assert run_identity(saved_often, "abc") == run_identity(RECIPE, "abc")
    others = [{**RECIPE, "train": {"epochs": 2}}, {**RECIPE, "train": {"epochs": 1, "threads": 2}}, {"name": "tiny"}]
    assert len({run_identity(recipe, "abc") for recipe in (RECIPE, *others)}) == 4
    assert run_identity(RECIPE, "abd") != run_identity(RECIPE, "abc")


def test_a_new_run_says_what_it_is(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    assert run.folder.parent == tmp_path / "tiny"
    assert run.folder.name.endswith(run_identity(RECIPE, "abc")[:8])
    assert run.recipe == RECIPE
    info = run.info
    assert (info["status"], info["data_hash"], info["identity"]) == ("running", "abc", run_identity(RECIPE, "abc"))
    assert {"python", "torch", "numpy", "rdkit", "hooke-bio"} <= set(info["versions"])
    assert info["machine"]["cores"] >= 1


def test_latest_is_the_newest_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="runs holds no run"):
        RunFolder.open(Path("LATEST"))
    made = [
        RunFolder.create(Path("runs"), name, RECIPE, data).folder for name, data in (("a", "1"), ("b", "2"), ("a", "3"))
    ]
    names = ("20260101T000000-0", "20260103T000000-1", "20260102T000000-2")
    found = [RunFolder(folder.rename(folder.with_name(name))) for folder, name in zip(made, names, strict=True)]
    with pytest.raises(DataError, match="holds no finished run"):
        RunFolder.open(Path("LATEST"))
    assert RunFolder.open(Path("LATEST"), unfinished=True).folder == found[1].folder
    for run in found[:2]:
        run.finish()
    assert RunFolder.open(Path("LATEST")).folder == RunFolder.open(Path("runs/LATEST")).folder == found[1].folder
    assert RunFolder.open(Path("runs/a/LATEST")).folder == RunFolder.open(Path("runs/a")).folder == found[0].folder
    assert RunFolder.open(Path("runs/a"), unfinished=True).folder == found[2].folder
    Path("LATEST").mkdir()
    with pytest.raises(DataError, match="LATEST holds no run"):
        RunFolder.open(Path("LATEST"))


def test_a_run_that_finds_no_room_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, "write_durably", full)
    with pytest.raises(OSError, match="No space left"):
        RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    assert list((tmp_path / "tiny").iterdir()) == []


def test_numbers_that_are_not_finite_are_null_in_the_files_and_nan_when_read(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    run.write_json("metrics.json", {"test": {"graph": {"y": {"rmse": 0.5, "r2": math.nan}}}})
    run.log_metrics(epoch=1, valid_loss=math.inf)
    for name in ("metrics.json", "metrics.jsonl"):
        json.loads(run.path(name).read_text(), parse_constant=pytest.fail)
    values = run.scores()["test"]["graph"]["y"]
    assert values["rmse"] == 0.5
    assert math.isnan(values["r2"])
    [line] = run.metrics()
    assert line["epoch"] == 1
    assert math.isnan(line["valid_loss"])


def test_two_runs_in_one_second_have_two_folders(tmp_path: Path) -> None:
    first, second = (RunFolder.create(tmp_path, "tiny", RECIPE, "abc") for _ in range(2))
    assert first.folder != second.folder


def test_an_unfinished_run_of_the_same_work_is_found_again(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    found = RunFolder.find_unfinished(tmp_path, "tiny", RECIPE, "abc")
    assert found is not None
    assert found.folder == run.folder
    assert RunFolder.find_unfinished(tmp_path, "tiny", RECIPE, "other data") is None
    assert RunFolder.find_unfinished(tmp_path, "tiny", {**RECIPE, "seed": 1}, "abc") is None
    run.finish(seconds=1.5)
    assert RunFolder.find_unfinished(tmp_path, "tiny", RECIPE, "abc") is None
    assert run.info["seconds"] == 1.5
    assert run.info["peak_memory_mb"] > 10


def test_open_takes_a_run_or_the_newest_finished_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run"):
        RunFolder.open(tmp_path)
    first = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    assert RunFolder.open(first.folder).folder == first.folder
    with pytest.raises(DataError, match="no finished run"):
        RunFolder.open(tmp_path / "tiny")
    first.finish()
    RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    assert RunFolder.open(tmp_path / "tiny").folder == first.folder


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    with pytest.raises(DataError, match=r"has no report.json"):
        run.read_json("report.json")
    run.path("report.json").write_text("{")
    with pytest.raises(DataError, match=r"report.json cannot be read as JSON"):
        run.read_json("report.json")


def test_metrics_survive_a_line_that_a_kill_cut_off(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    assert run.metrics() == []
    run.log_metrics(epoch=1, loss=0.5)
    run.log_metrics(epoch=2, loss=0.25)
    path = run.path("metrics.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    assert run.metrics() == [{"epoch": 1, "loss": 0.5}]
    run.log_metrics(epoch=2, loss=0.25)
    assert [line["epoch"] for line in run.metrics()] == [1, 2]
    run.rewrite_metrics(run.metrics()[1:])
    assert [line["epoch"] for line in run.metrics()] == [2]


def test_a_damaged_line_in_the_middle_is_not_passed_over(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    run.path("metrics.jsonl").write_text('{"epoch": 1}\n{"ep\n{"epoch": 3}\n')
    with pytest.raises(DataError, match="line 2 is damaged"):
        run.metrics()


def test_a_living_process_keeps_its_run_and_a_dead_one_does_not(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "tiny", RECIPE, "abc")
    code = (
        "import sys, time; from pathlib import Path; from hooke.core.runs import RunFolder;"
        "held = RunFolder(Path(sys.argv[1])).locked(); held.__enter__(); print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(run.folder)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    with other:
        try:
            assert other.stdout.readline() == "locked\n"
            with pytest.raises(HookeError, match=f"is at work on {run.folder} .number {other.pid}"), run.locked():
                pass
        finally:
            other.send_signal(signal.SIGKILL)
    run.write_json("lock.json", {"pid": os.getppid(), "started": 0.0})  # of an earlier version: no obstacle
    with run.locked():
        pass


def test_a_run_of_a_newer_hooke_is_refused(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "small", {}, "hash")
    assert run.info["format"] == 1
    run.update(format=2, status="finished")
    for folder in (run.folder, tmp_path / "small"):
        with pytest.raises(DataError, match="reads up to 1: install a newer hooke-bio"):
            RunFolder.open(folder)
    run.update(format="x")
    with pytest.raises(DataError, match="run format 'x'"):
        RunFolder.open(run.folder)

"""One process and several: the same numbers, the same files, stopped together, and clear words when one fails."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hooke.core.errors import UsageError
from hooke.core.recipe import Recipe, TrainSection
from hooke.core.runs import RunFolder
from hooke.molecules.store import MoleculeStore
from hooke.train.devices import check_can_start, launch, make_fabric, set_threads
from hooke.train.fit import fit


def test_two_processes_learn_what_one_learns_from_batches_twice_as_large(tmp_path: Path) -> None:
    script = Path(__file__).with_name("two_processes.py")
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["stopped True", "DataError shard 7 is damaged"]
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "lines.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert len(one) == 3
    assert one == [{name: pytest.approx(value, rel=1e-12) for name, value in line.items()} for line in two]
    assert {line["rank"] for line in two} == {0}
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        "best.safetensors",
        "last.safetensors",
        "lines.jsonl",
    }
    for file in ("best.safetensors", "last.safetensors"):
        weights = [load_file(tmp_path / name / file) for name in ("one", "two")]
        for name, value in weights[0].items():
            torch.testing.assert_close(value, weights[1][name], rtol=1e-12, atol=1e-14)


def test_two_processes_take_the_steps_on_molecules_that_one_takes_with_batches_twice_as_large(tmp_path: Path) -> None:
    """20 steps with few measured labels, learned weights of labels, flipped signs, hidden encodings and every kind of dropout."""
    script = Path(__file__).with_name("two_processes_of_molecules.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "shared"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for case, tolerance in {"gine/float64": 1e-10, "gps_plus_plus/float64": 1e-10, "gine/float32": 1e-5}.items():
        folders = [tmp_path / name / case for name in ("one", "two")]
        one, two = (torch.load(folder / "losses.pt") for folder in folders)
        assert one["steps"] == two["steps"] == 20
        assert two["losses"] == pytest.approx(one["losses"], rel=0, abs=tolerance)
        whole, shared = (load_file(folder / "last.safetensors") for folder in folders)
        for name, value in whole.items():
            torch.testing.assert_close(value, shared[name], rtol=0, atol=tolerance)


def test_the_command_trains_on_two_devices_and_continues_after_being_terminated(table: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "hooke.cli.main", "fit", "--csv", str(table), "--runs", str(tmp_path / "runs"), "--no-report",
        "--workers", "1", "--json", "model.width=16", "model.depth=2", "train.devices=2", "train.accelerator=cpu",
        "train.ensemble=1", "train.epochs=15", "train.batch_size=8", "train.threads=1", "train.patience=0",
    ]  # fmt: skip
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    metrics: list[Path] = []
    while first.poll() is None and not metrics:
        metrics = list((tmp_path / "runs").glob("csv/*/metrics.jsonl"))
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGTERM)
    _, said = first.communicate()
    assert first.returncode == 130, said
    assert "the same command continues" in said.lower()
    [folder] = (tmp_path / "runs" / "csv").iterdir()
    run = RunFolder(folder)
    assert run.info["status"] == "interrupted"
    assert (folder / "members/0/state.pt").exists()
    epochs = len(run.metrics())
    assert 0 < epochs < 15
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["run"] == str(folder)
    assert [line["epoch"] for line in run.metrics()] == list(range(1, 16))
    assert not (folder / "members/0/state.pt").exists()


def test_what_this_machine_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match=r"train\.accelerator=cuda with train\.devices=1 is not possible"):
            make_fabric(TrainSection(accelerator="cuda"))
    check_can_start(TrainSection(devices=2))
    monkeypatch.setattr(multiprocessing, "parent_process", multiprocessing.current_process)
    check_can_start(TrainSection(devices=1))
    with pytest.raises(UsageError, match="__main__"):
        check_can_start(TrainSection(devices=2))


def test_fewer_rows_than_devices(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    few = recipe.with_changes(train={"devices": 9}, split={"fractions": (0.02, 0.49, 0.49)})
    with pytest.raises(UsageError, match="training row"):
        fit(few, runs=tmp_path, store=store, show_progress=False)
    [folder] = (tmp_path / "small").iterdir()
    assert RunFolder(folder).info["status"] == "failed"


def test_one_device_runs_here() -> None:
    seen: list[object] = []
    launch(
        make_fabric(TrainSection(accelerator="cpu")), lambda fabric, *rest: seen.extend([fabric.world_size, *rest]), 7
    )
    assert seen == [1, 7]


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed", "32-true"])
def test_batches_and_losses_pass_as_they_are(precision: str) -> None:
    fabric = make_fabric(TrainSection(accelerator="cpu", precision=precision))  # type: ignore[arg-type]
    module = fabric.setup(torch.nn.Identity())
    value = torch.zeros(2, dtype=torch.float64)
    assert module(value) is value


def test_deterministic_mode() -> None:
    try:
        make_fabric(TrainSection(accelerator="cpu", deterministic=True))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        set_threads(torch.nn.Linear(2, 2), 0)
        assert torch.get_num_threads() == 1
        set_threads(torch.nn.Linear(2, 2), 2)
        assert torch.get_num_threads() == 2
        set_threads(torch.nn.Linear(2000, 2000), 0, devices=10_000)
        assert torch.get_num_threads() == 1
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        set_threads(torch.nn.Linear(2000, 2000), 0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

"""Two machines, as processes of this one: a kill, the way on, and the same numbers as one process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hooke.api.training import fit
from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection
from hooke.core.runs import RunFolder
from hooke.molecules.tables.twins import write_twin_table
from hooke.train.crew import environment, follows

CHANGES = [
    "model.width=8", "model.depth=1", "train.max_steps=20", "train.epochs=50", "train.ensemble=1", "train.patience=0", "train.ema=0",
    "machine.threads=1", "machine.precision=64-true", "machine.accelerator=cpu", "machine.checkpoint_seconds=0",
]  # fmt: skip
HOOKE = [sys.executable, "-m", "hooke.cli.main"]
DYING = [sys.executable, str(Path(__file__).with_name("killed_node.py"))]


def port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def together(commands: list[list[str]], variables: list[dict[str, str]]) -> list[tuple[int, str, str]]:
    started = [
        subprocess.Popen(command, env={**os.environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command, more in zip(commands, variables, strict=True)
    ]
    return [(each.wait(), *each.communicate()) for each in started]


def test_two_machines_go_on_after_a_kill_and_learn_what_one_process_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=60)
    one = fit(
        table, overrides=["model.name=dmpnn", *CHANGES, "train.batch_size=16"], runs=tmp_path / "one", report=False,
        show_progress=False, workers=1,
    )  # fmt: skip
    arguments = [
        "fit", str(table), "model.name=dmpnn", *CHANGES, "train.batch_size=8", "machine.nodes=2", "--runs", str(tmp_path / "two"),
        "--no-report", "--json", "--workers", "1",
    ]  # fmt: skip

    free = port()
    slurm = [
        {
            "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "train",
            "SLURM_PROCID": rank, "SLURM_NODEID": rank, "SLURM_LOCALID": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free,
        }
        for rank in ("0", "1")
    ]  # fmt: skip
    (code, out, said), (killed, *_) = together([[*HOOKE, *arguments], [*DYING, *arguments]], slurm)
    assert killed == -9
    assert (code, out) == (1, ""), said
    assert "the same command on all machines goes on from the last saved state" in said.splitlines()[-1]
    [folder] = (tmp_path / "two" / "csv").iterdir()
    assert RunFolder(folder).info["status"] == "failed"
    assert (folder / "members/0/state.pt").exists()

    free = port()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1",
                "--master-port", free, "--no-python"]  # fmt: skip
    first, second = together([[*torchrun, "--node-rank", rank, *HOOKE, *arguments] for rank in ("0", "1")], [{}, {}])
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert second[1] == ""
    assert json.loads(first[1])["run"] == str(folder)
    whole, shared = (load_file(each / "members/0/last.safetensors") for each in (one.folder, folder))
    for name, value in whole.items():
        torch.testing.assert_close(value, shared[name], rtol=0, atol=1e-10)
    last = [run.metrics()[-1] for run in (one.run, RunFolder(folder))]
    assert [line["step"] for line in last] == [20, 20]
    assert last[0]["train_loss"] == pytest.approx(last[1]["train_loss"], rel=0, abs=1e-10)


def test_who_started_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_STEP_ID", raising=False)
    assert environment(TrainSection()) is None
    assert environment(TrainSection(devices=2)) is None
    assert not follows(TrainSection(devices=2))
    with pytest.raises(
        UsageError, match=r"machine.nodes=2 needs the command on every machine: torchrun --nnodes 2 --nproc-per-node 4"
    ):
        environment(TrainSection(nodes=2, devices=4))
    monkeypatch.setenv("SLURM_NTASKS", "8")
    assert environment(TrainSection(devices=2)) is None  # in the batch script, outside of srun
    for name, value in {"SLURM_STEP_ID": "0", "SLURM_NTASKS_PER_NODE": "4", "SLURM_PROCID": "3"}.items():
        monkeypatch.setenv(name, value)
    assert follows(TrainSection(nodes=2, devices=4))
    with pytest.raises(
        UsageError, match=r"machine.nodes=1 times machine.devices=2 are 2 processes, and 8 were started"
    ):
        environment(TrainSection(devices=2))

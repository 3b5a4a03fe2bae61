"""From recipe to finished run; kill -9 and the same command; fine-tuning, probing, refitting."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import finetune, fit, resume


def test_a_run_holds_everything(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    run = fit(recipe.with_changes(train={"ensemble": 2}), runs=tmp_path / "runs", show_progress=False)
    assert run.info["status"] == "finished"
    assert run.info["rows"] == {"train": 64, "valid": 8, "test": 8} or sum(run.info["rows"].values()) <= 80
    metrics = run.read_json("metrics.json")
    assert set(metrics["test"]["graph"]) == {"log_p", "lipophilic"}
    assert set(metrics["test"]["graph"]["log_p"]) == {"mae", "rmse", "r2", "pearson", "spearman"}
    table = pl.read_parquet(run.path("predictions_test.parquet"))
    assert {"row", "smiles", "log_p", "log_p_disagreement", "log_p_measured", "lipophilic"} <= set(table.columns)
    assert (table["log_p_disagreement"] > 0).all()
    assert table["lipophilic"].is_between(0, 1).all()
    uncertainty = run.read_json("uncertainty.json")
    assert uncertainty["log_p"]["kind"] == "interval"
    assert uncertainty["lipophilic"]["kind"] == "set"
    assert {line["member"] for line in run.metrics()} == {0, 1}
    weights = [load_file(run.path(f"members/{member}/best.safetensors")) for member in (0, 1)]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert run.read_json("leaks.json")["equal_structures"] == 0


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    def weights(seed: int, name: str) -> dict[str, torch.Tensor]:
        run = fit(replace(recipe, seed=seed), runs=tmp_path / name, store=store, show_progress=False)
        return load_file(run.path("members/0/last.safetensors"))

    first, again, other = weights(1, "a"), weights(1, "b"), weights(2, "c")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_finetune_starts_from_the_encoder_and_probe_keeps_it(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    pretrained = fit(recipe, runs=tmp_path, store=store, show_progress=False)
    before = load_file(pretrained.path("members/0/best.safetensors"))
    assay = recipe.with_changes(
        name="assay", model=replace(recipe.model, config=replace(recipe.model.config, width=99))
    )
    probe = finetune(pretrained.folder, assay, mode="probe", runs=tmp_path, store=store, show_progress=False)
    after = load_file(probe.path("members/0/last.safetensors"))
    encoder = [name for name in before if name.startswith("encoder.")]
    assert encoder
    assert all(torch.equal(before[name], after[name]) for name in encoder)
    assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith("heads."))
    full = finetune(pretrained.folder, assay, runs=tmp_path, store=store, show_progress=False)
    assert any(
        not torch.equal(before[n], value)
        for n, value in load_file(full.path("members/0/last.safetensors")).items()
        if n in encoder
    )
    assert full.recipe["pretrained"] == pretrained.info["identity"]
    with pytest.raises(UsageError, match="mode must be"):
        finetune(pretrained.folder, assay, mode="frozen", runs=tmp_path)


def test_finetune_starts_from_a_run_of_the_first_format(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    golden = Path(__file__).parent.parent / "golden" / "run_v1"
    run = finetune(golden, recipe.with_changes(train={"epochs": 1}), mode="probe", runs=tmp_path, show_progress=False)
    before, after = (load_file(path / "members/0/best.safetensors") for path in (golden, run.folder))
    assert all(torch.equal(value, after[name]) for name, value in before.items() if name.startswith("encoder."))


def test_refit_uses_every_row(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    run = fit(recipe.with_changes(train={"refit": True, "epochs": 2}), runs=tmp_path, store=store, show_progress=False)
    assert run.path("refit/0/last.safetensors").exists()
    assert {line["part"] for line in run.metrics()} == {"members", "refit"}


def test_what_cannot_be_trained_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    empty = tmp_path / "none.csv"
    empty.write_text("smiles,note\nCC,a\nCCC,b\n")
    with pytest.raises(UsageError, match="no label"):
        fit(
            recipe.with_changes(data=replace(recipe.data, config=replace(recipe.data.config, path=str(empty)))),
            runs=tmp_path,
            show_progress=False,
        )
    with pytest.raises(UsageError, match=r"data\.path is missing"):
        fit(
            recipe.with_changes(data=replace(recipe.data, config=replace(recipe.data.config, path=""))),
            runs=tmp_path,
            show_progress=False,
        )


def test_kill_and_the_same_command_give_the_same_bits(
    recipe: Recipe, store: MoleculeStore, table: Path, tmp_path: Path
) -> None:
    code = (
        "import json, sys; from pathlib import Path; from hooke.train.fit import fit; from hooke.core.recipe import resolve\n"
        "recipe = resolve(json.loads(Path(sys.argv[1]).read_text()))\n"
        "print(fit(recipe, runs=Path(sys.argv[2]), show_progress=False).folder)"
    )
    longer = recipe.with_changes(train={"epochs": 8, "ensemble": 2, "checkpoint_seconds": 0.0})
    file = tmp_path / "recipe.json"
    import json

    file.write_text(json.dumps(longer.to_json()))
    command = [sys.executable, "-c", code, str(file)]
    process = subprocess.Popen([*command, str(tmp_path / "killed")], stdout=subprocess.PIPE)
    while process.poll() is None:
        lines = [
            line for path in (tmp_path / "killed").glob("*/*/metrics.jsonl") for line in path.read_text().splitlines()
        ]
        if len(lines) >= 3:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.01)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    outputs = [
        Path(
            subprocess.run([*command, str(tmp_path / name)], check=True, capture_output=True, text=True).stdout.strip()
        )
        for name in ("killed", "whole")
    ]
    assert len(list((tmp_path / "killed" / "small").iterdir())) == 1  # continued, not started again
    killed, whole = (RunFolder(path) for path in outputs)
    for member in (0, 1):
        first, second = (load_file(run.path(f"members/{member}/best.safetensors")) for run in (killed, whole))
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert killed.metrics() == whole.metrics()
    assert pl.read_parquet(killed.path("predictions_test.parquet")).equals(
        pl.read_parquet(whole.path("predictions_test.parquet"))
    )


def test_resume_names_a_run(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooke.train.loop import Trainer

    original = Trainer._end_epoch

    def interrupted(self: Trainer) -> None:
        original(self)
        if self.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_end_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, runs=tmp_path, store=store, show_progress=False)
    monkeypatch.undo()
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    [folder] = (tmp_path / "small").iterdir()
    assert RunFolder(folder).info["status"] == "interrupted"
    run = resume(folder, show_progress=False)
    assert [line["epoch"] for line in run.metrics()] == [1, 2, 3, 4]
    assert resume(folder).info["status"] == "finished"
    again = fit(recipe, runs=tmp_path, store=store, show_progress=False)
    assert again.folder != folder  # a finished run is never overwritten


def test_a_full_disk_stops_the_run_and_the_same_command_ends_it(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(recipe, runs=tmp_path / "whole", store=store, show_progress=False)
    save, count = torch.save, 0

    def full(*arguments: Any, **options: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            Path(arguments[1]).write_bytes(b"the first bytes still fit")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments, **options)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DataError, match="free space and run the same command again"):
        fit(recipe, runs=tmp_path / "full", store=store, show_progress=False)
    monkeypatch.setattr(torch, "save", save)
    [folder] = (tmp_path / "full" / "small").iterdir()
    assert RunFolder(folder).info["status"] == "failed"
    assert [path.name for path in folder.rglob("*.tmp")] == []
    run = fit(recipe, runs=tmp_path / "full", store=store, show_progress=False)
    assert run.folder == folder
    assert run.metrics() == whole.metrics()
    first, second = (load_file(one.path("members/0/last.safetensors")) for one in (run, whole))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_for_metrics(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: RunFolder, **fields: Any) -> None:
        with open("/dev/full", "a") as file:
            file.write("a line")

    monkeypatch.setattr(RunFolder, "log_metrics", full)
    with pytest.raises(DataError, match=r"the disk of .* is full; the last saved state is kept"):
        fit(recipe, runs=tmp_path, store=store, show_progress=False)


def test_terminated_it_saves_its_state_and_the_same_command_gives_the_same_bits(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooke.train.loop import Trainer

    recipe = recipe.with_changes(train={"checkpoint_seconds": 1e9, "refit": True})
    whole = fit(recipe, runs=tmp_path / "whole", store=store, show_progress=False)
    original = Trainer._train_batch

    def terminated(self: Trainer, batch: Any) -> None:
        if self.step == 7:
            os.kill(os.getpid(), signal.SIGTERM)
        original(self, batch)

    monkeypatch.setattr(Trainer, "_train_batch", terminated)
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, runs=tmp_path / "cut", store=store, show_progress=False)
    monkeypatch.setattr(Trainer, "_train_batch", original)
    [folder] = (tmp_path / "cut" / "small").iterdir()
    assert RunFolder(folder).info["status"] == "interrupted"
    assert (folder / "members/0/state.pt").exists()
    run = fit(recipe, runs=tmp_path / "cut", store=store, show_progress=False)
    assert run.folder == folder
    assert run.metrics() == whole.metrics()
    for part in ("members", "refit"):
        first, second = (load_file(one.path(f"{part}/0/best.safetensors")) for one in (run, whole))
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_loss_that_breaks_marks_the_run_as_failed(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    broken = recipe.with_changes(train={"learning_rate": 1e30, "clip": 0.0, "warmup": 0.0})
    with pytest.raises(HookeError, match="the loss is"):
        fit(broken, runs=tmp_path, store=store, show_progress=False)
    [folder] = (tmp_path / "small").iterdir()
    assert RunFolder(folder).info["status"] == "failed"


def test_a_run_whose_data_changed_is_not_resumed(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "small", recipe.to_json(), "another hash")
    run.update(store=str(store.folder))
    with pytest.raises(DataError, match="changed"):
        resume(run.folder)

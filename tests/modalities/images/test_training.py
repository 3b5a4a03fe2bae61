"""Images in training: the same run folders, kill and resume, fine-tuning, clear refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hooke.core.errors import DataError, UsageError
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.modalities import modality
from hooke.train import loop
from hooke.train.fit import finetune, fit, prepare, resume, split_of

SMALL = ["train.threads=1", "train.accelerator=cpu"]


def test_a_run_holds_everything(image_run: Path, screen: ImageStore) -> None:
    run = RunFolder(image_run)
    info = run.info
    assert info["status"] == "finished"
    assert sum(info["rows"].values()) == len(screen)
    assert info["simulated"] is True
    assert run.read_json("spec.json")["channels"] == list(screen.channels)
    assert set(run.recipe) == {"name", "seed", "data", "images", "model", "task", "train"}
    assert [line["epoch"] for line in run.metrics()] == [1, 2]
    assert all("valid_loss" in line for line in run.metrics())


def test_a_stopped_run_goes_on_to_the_same_bits(
    screen: ImageStore, image_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("tiny_ca_mae", SMALL)
    real, steps = loop.Trainer._train_batch, []

    def stop(self: loop.Trainer, batch: loop.Batch) -> None:
        steps.append(1)
        if len(steps) == 4:
            self._save()
            raise KeyboardInterrupt
        real(self, batch)

    monkeypatch.setattr(loop.Trainer, "_train_batch", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, runs=tmp_path, store=screen, show_progress=False)
    monkeypatch.setattr(loop.Trainer, "_train_batch", real)
    [folder] = (tmp_path / "tiny_ca_mae").iterdir()
    finished = resume(folder, show_progress=False)
    whole, again = (load_file(run / "members/0/last.safetensors") for run in (image_run, finished.folder))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_finetune_starts_from_the_encoder(screen: ImageStore, image_run: Path, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_wsl", [*SMALL, "train.epochs=1", "train.refit=true"])
    probe = finetune(image_run, recipe, mode="probe", runs=tmp_path, store=screen, show_progress=False)
    before, after = (
        load_file(image_run / "members/0/best.safetensors"),
        load_file(probe.path("refit/0/last.safetensors")),
    )
    assert probe.recipe["model"]["name"] == "ca_mae"
    name = "encoder.encoder.patches.weight"
    assert torch.equal(before[name], after[name])


def test_every_epoch_is_watched(screen: ImageStore, tmp_path: Path) -> None:
    seen: list[float] = []

    def watch(line: Mapping[str, Any]) -> None:
        seen.append(line["valid_loss"])
        raise DataError("enough")

    with pytest.raises(DataError, match="enough"):
        fit(load_recipe("tiny_wsl", SMALL), runs=tmp_path, store=screen, watch=watch, show_progress=False)
    assert len(seen) == 1


def test_refusals(screen: ImageStore, image_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("tiny_wsl")
    alone = replace(recipe, task=replace(recipe.task, config=replace(recipe.task.config, target="cell_type")))
    with pytest.raises(UsageError, match="1 kinds of 'cell_type'"):
        fit(alone, runs=tmp_path, store=screen, show_progress=False)
    with pytest.raises(UsageError, match="is about images, the recipe 'tiny_gine' about molecules"):
        finetune(image_run, load_recipe("tiny_gine"), runs=tmp_path)
    unknown = replace(recipe, task=replace(recipe.task, config=replace(recipe.task.config, target="guide")))
    monkeypatch.setattr(ImageStore, "classes", lambda store, column: (-np.ones(len(store), np.int64), ()))
    with pytest.raises(UsageError, match="none of the fields is left"):
        split_of(screen, unknown)


def test_stores_are_prepared_and_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    recipe = load_recipe("tiny_ca_mae", ["data.experiments=1"])
    store = prepare(recipe, workers=0, show_progress=False)
    assert modality("images").open(store.folder).content_hash == store.content_hash
    assert json.loads(json.dumps(recipe.to_json()))["images"]["crop"] == 0

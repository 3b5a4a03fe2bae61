"""The heads of a pretrained run on a fine-tuned encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hooke
from hooke.core.errors import UsageError
from hooke.core.recipe import Recipe
from hooke.molecules.store import MoleculeStore
from hooke.nn.weights import read_weights
from hooke.train.fit import fit

SMILES = ["CCO", "c1ccccc1O", "CC(=O)N"]


def test_old_heads_beside_new_ones(recipe: Recipe, store: MoleculeStore, table: Path, tmp_path: Path) -> None:
    start = fit(recipe.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False).folder

    def tuned(mode: str) -> hooke.api.training.FittedRun:
        return hooke.finetune(
            start, csv=table, targets="log_p", mode=mode, runs=tmp_path / mode, report=False, show_progress=False,
            overrides=["train.epochs=1", "train.threads=1", "train.ensemble=2", "train.keep_heads=true"],
        )  # fmt: skip

    before = hooke.load(start, device="cpu")
    probed, whole = tuned("probe"), tuned("full")
    for run in (probed, whole):
        assert run.kept is not None
        assert f"kept    {run.kept.folder}: the heads of {start}" in run.summary()
        assert run.to_json()["kept"] == str(run.kept.folder)
        kept = hooke.load(run.kept.folder, device="cpu")
        assert (
            [label.name for label in kept.labels] == [label.name for label in before.labels] == ["log_p", "lipophilic"]
        )
        assert [label.name for label in hooke.load(run.folder).labels] == ["log_p"]
        weights = [read_weights(path.path("members/1/best.safetensors")) for path in (run.kept, run.run)]
        assert all(
            torch.equal(weights[0][name], value) for name, value in weights[1].items() if name.startswith("encoder.")
        )
    predicted = [
        hooke.load(folder, device="cpu").predict(SMILES) for folder in (probed.kept.folder, start, whole.kept.folder)
    ]
    assert predicted[0]["log_p"].to_list() == predicted[1]["log_p"].to_list()  # the encoder has not moved
    assert predicted[2]["log_p"].to_list() != predicted[1]["log_p"].to_list()
    assert "lipophilic" in predicted[2].columns


def test_heads_that_there_are_none_of(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="belongs to `hooke finetune`"):
        fit(recipe.with_changes(train={"keep_heads": True}), runs=tmp_path, store=store, show_progress=False)

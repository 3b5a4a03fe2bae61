"""What fine-tuning takes from a pretrained run, what of it can be changed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import hooke
from hooke.cli.main import app
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe, resolve
from hooke.core.runs import RunFolder
from hooke.molecules.store import MoleculeStore
from hooke.nn.weights import read_weights
from hooke.train.fit import fit
from hooke.train.pretrained import adapted


@pytest.fixture
def pretrained(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> RunFolder:
    return fit(recipe.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False)


def test_dropouts_change_the_hash_and_the_result(pretrained: RunFolder, table: Path, tmp_path: Path) -> None:
    def tuned(*changes: str) -> hooke.api.training.FittedRun:
        overrides = ["train.epochs=1", "train.threads=1", *changes]
        return hooke.finetune(
            pretrained.folder, csv=table, overrides=overrides, runs=tmp_path, report=False, show_progress=False
        )

    plain, same, dropping = tuned(), tuned("model.dropout=0.1"), tuned("model.dropout=0.6")
    assert plain.run.info["identity"] == same.run.info["identity"] != dropping.run.info["identity"]
    assert [run.run.recipe["model"]["dropout"] for run in (plain, same, dropping)] == [0.1, 0.1, 0.6]
    assert plain.metrics == same.metrics != dropping.metrics


STRUCTURAL = {
    "model.width=32": "model.width = 32 needs another encoder",
    "model.name=gps": "model.name = gps needs another encoder",
    "model.preset=small": "needs another encoder",
    "model.activation=gelu": "model.activation = gelu",
    "encodings.random_walk=16": "encodings.random_walk = 16",
    "encodings.laplacian=0": "encodings.laplacian = 0",
    "standardise.salts=largest": "standardise.salts = largest",
}


def test_structural_changes_exit_with_2(pretrained: RunFolder, table: Path, tmp_path: Path) -> None:
    for change, says in STRUCTURAL.items():
        command = ["finetune", str(pretrained.folder), change, "--csv", str(table), "--runs", str(tmp_path)]
        result = CliRunner().invoke(app, command)
        assert isinstance(result.exception, UsageError), change
        assert result.exception.exit_code == 2
        assert says in str(result.exception)


def test_a_recipe_file_of_ones_own_is_heard(pretrained: RunFolder, table: Path, tmp_path: Path) -> None:
    def tuned(text: str, recipe: str = "") -> hooke.api.training.FittedRun:
        path = tmp_path / "mine.toml"
        path.write_text(f"{text}\n[train]\nepochs = 1\nthreads = 1\nensemble = 1\n")
        return hooke.finetune(
            pretrained.folder, recipe or path, csv=table, runs=tmp_path, report=False, show_progress=False
        )

    assert tuned("[model]\ndropout = 0.6").run.recipe["model"]["dropout"] == 0.6
    assert tuned('extends = "csv"').run.recipe["model"]["name"] == "gine"  # what comes with Hooke states no model
    for text, says in {
        '[model]\nname = "gps"': "model.name = gps needs another encoder",
        'extends = "csv"\n[model]\nwidth = 32': "model.width = 32 needs another encoder",
        "[encodings]\nrandom_walk = 16": "encodings.random_walk = 16 needs another encoder",
    }.items():
        with pytest.raises(UsageError, match=says) as refused:
            tuned(text)
        assert refused.value.exit_code == 2


def test_unknown_options_and_repeated_ones(pretrained: RunFolder, recipe: Recipe) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'model.dropout'"):
        adapted(recipe, pretrained.folder, changes={"model": {"dropuot": 0.1}})
    same = adapted(
        recipe, pretrained.folder, changes={"model": {"name": "gine", "width": 16}, "encodings": {"laplacian": 2}}
    )
    assert same.model == recipe.model
    with pytest.raises(UsageError, match="needs another encoder"):
        adapted(
            recipe.with_section("encodings", laplacian=4), pretrained.folder, changes={"encodings": {"laplacian": 4}}
        )


def test_layers_are_dropped_and_added(pretrained: RunFolder, table: Path, tmp_path: Path) -> None:
    def tuned(*changes: str) -> dict[str, torch.Tensor]:
        overrides = ["train.epochs=1", "train.threads=1", "train.learning_rate=1e-12", "train.weight_decay=0", *changes]
        run = hooke.finetune(
            pretrained.folder, csv=table, overrides=overrides, runs=tmp_path, report=False, show_progress=False
        )
        return read_weights(run.folder / "members/0/best.safetensors")

    def same(weights: dict[str, torch.Tensor], part: str) -> bool:
        names = [name for name in weights if name.startswith(f"encoder.{part}")]
        assert names
        return all(torch.allclose(weights[name], before[name], atol=1e-6) for name in names)

    before = read_weights(pretrained.path("members/0/best.safetensors"))
    deeper = tuned("train.start_from=layers.2", "model.depth=4")
    assert same(deeper, "layers.0.")
    assert same(deeper, "layers.1.")
    assert same(deeper, "node_inputs")
    assert "encoder.layers.3.edge.weight" in deeper
    shallow = tuned("train.start_from=layers.1", "model.depth=1")
    assert same(shallow, "layers.0.")
    assert not any("layers.1." in name for name in shallow)
    again = tuned("train.start_from=layers.1")
    assert same(again, "layers.0.edge")
    assert not same(again, "layers.1.edge")
    with pytest.raises(UsageError, match="has 2 layers and the new one 4"):
        tuned("train.start_from=layers.3", "model.depth=4")
    with pytest.raises(UsageError, match="model.depth = 4 needs another encoder"):
        tuned("model.depth=4")
    with pytest.raises(UsageError, match="must be"):
        tuned("train.start_from=layer2")


def test_a_dropout_within_a_chain_keeps_the_weights_in_their_places(
    table: Path, tmp_path: Path, recipe: Recipe
) -> None:
    mapping = {**recipe.to_json(), "model": {"name": "gps", "width": 16, "depth": 1, "heads": 2}}
    start = fit(resolve(mapping).with_changes(train={"epochs": 1}), runs=tmp_path, show_progress=False)
    overrides = [
        "train.epochs=1",
        "train.threads=1",
        "train.learning_rate=1e-12",
        "train.weight_decay=0",
        "model.dropout=0.3",
    ]
    run = hooke.finetune(start.folder, csv=table, overrides=overrides, runs=tmp_path, report=False, show_progress=False)
    before, after = (read_weights(each.path("members/0/best.safetensors")) for each in (start, run.run))
    assert torch.allclose(after["encoder.layers.0.mix.3.weight"], before["encoder.layers.0.mix.2.weight"], atol=1e-6)
    assert torch.allclose(after["encoder.layers.0.norm.weight"], before["encoder.layers.0.norm.weight"], atol=1e-6)

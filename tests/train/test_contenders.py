"""Networks among the candidates: folds, last members, the budget after one epoch, and encoders that read something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.recipe import Recipe, resolve
from hooke.inference.blend import Blend
from hooke.inference.ensemble import Ensemble
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict_in_memory
from hooke.train.automatic import LEFT_OUT
from hooke.train.contenders import OfNetwork
from hooke.train.fit import fit

TRAIN = {"epochs": 2, "batch_size": 16, "threads": 1, "accelerator": "cpu", "ensemble": 2}


def recipe_of(table: Path, model: dict[str, object], **sections: object) -> Recipe:
    data = {"name": "csv", "path": str(table), "targets": ["log_p"]}
    return resolve(
        {"name": "assay", "data": data, "encodings": {"random_walk": 3}, "model": model, "train": TRAIN, **sections}
    )


@pytest.fixture
def pretrained(table: Path, tmp_path: Path) -> str:
    model = {"name": "gine", "preset": "tiny", "width": 8, "depth": 1}
    return str(fit(recipe_of(table, model), runs=tmp_path / "pretrained", show_progress=False).folder)


def test_networks_are_compared_and_blended(table: Path, tmp_path: Path, pretrained: str) -> None:
    """With equal weights enforced, each network is used: folds, last members, a reloaded run, and no weights of folds left over."""
    model = {
        "name": "auto", "candidates": ["ridge", "finetuned", "scratch"], "network": "gine:tiny", "pretrained": pretrained,
        "penalty": 1e6, "folds": 3, "budget": 1e6,
    }  # fmt: skip
    run = fit(recipe_of(table, model), runs=tmp_path, show_progress=False)
    choice = run.read_json("blend.json")
    assert {entry["name"]: entry["status"] for entry in choice["candidates"]} == dict.fromkeys(
        model["candidates"], "used"
    )
    np.testing.assert_allclose([entry["weights"] for entry in choice["candidates"]], 1 / 3, atol=1e-3)
    loaded = LoadedRun.open(run.folder, "cpu")
    assert isinstance(loaded.predictor, Blend)
    _, tuned, scratch = (part.predictor for part in loaded.predictor.parts)
    assert isinstance(tuned, Ensemble)
    assert isinstance(scratch, Ensemble)
    assert (tuned.count, scratch.count) == (2, 2)
    assert tuned.parameters < scratch.parameters
    assert not [*run.path("candidates").glob("*/networks")]
    test = pl.read_parquet(run.path("predictions_test.parquet"))
    found = predict_in_memory(loaded, test["smiles"].to_list())
    np.testing.assert_allclose(found["log_p"].to_numpy(), test["log_p"].to_numpy(), rtol=1e-4, atol=1e-5)
    each = pl.read_parquet(run.path("candidates_test.parquet")).partition_by("candidate", maintain_order=True)
    blend = np.mean([part["log_p"].to_numpy() for part in each], axis=0)
    np.testing.assert_allclose(test["log_p"].to_numpy(), blend, rtol=1e-2, atol=1e-2)


def test_networks_that_do_not_fit_into_the_budget(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by the first epoch: 5 folds and 2 members of 2 epochs; what was decided stands when the run goes on."""
    model = {"name": "auto", "candidates": ["ridge", "scratch"], "network": "gine:tiny", "budget": 1e-2}
    run = fit(recipe_of(table, model), runs=tmp_path, show_progress=False)
    ridge, scratch = run.read_json("blend.json")["candidates"]
    assert (ridge["status"], scratch["status"]) == ("used", LEFT_OUT)
    assert scratch["reason"].startswith("7 trainings would take")
    assert run.read_json("candidates/scratch/left_out.json")["reason"] == scratch["reason"]
    assert not run.path("members/scratch").exists()
    monkeypatch.setattr(OfNetwork, "fold", lambda *_: pytest.fail("it was tried again"))
    run.update(status="interrupted")
    again = fit(recipe_of(table, model), runs=tmp_path, show_progress=False)
    assert again.folder == run.folder
    assert again.read_json("blend.json")["candidates"][1]["reason"] == scratch["reason"]


def test_an_encoder_that_reads_something_else_is_left_out(table: Path, tmp_path: Path, pretrained: str) -> None:
    model = {"name": "auto", "candidates": ["ridge", "finetuned"], "network": "gine:tiny", "pretrained": pretrained}
    run = fit(recipe_of(table, model, encodings={"random_walk": 4}), runs=tmp_path, show_progress=False)
    _, tuned = run.read_json("blend.json")["candidates"]
    assert tuned["status"] == LEFT_OUT
    assert "reads other encodings" in tuned["reason"]

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

import hooke
from hooke.core.errors import DamagedError, DataError, UsageError
from hooke.core.runs import RunFolder
from hooke.evaluate.conformal import IntervalCalibration, SetCalibration
from hooke.inference.loaded import LoadedRun, next_step, read_recipe
from hooke.inference.predict import predict_in_memory
from hooke.modalities import trainable
from hooke.molecules.store import MoleculeStore

GOLDEN = Path(__file__).parent.parent / "golden" / "run_v1"


def test_a_run_is_rebuilt_from_its_folder(run: Path) -> None:
    loaded = LoadedRun.open(run.parent)  # the folder of runs stands for the newest finished one
    assert loaded.run.folder == run
    assert [label.name for label in loaded.labels] == ["log_p", "active", "class", "charge", "order"]
    assert loaded.spec.encodings.random_walk == 4
    assert len(loaded.ensemble.networks) == 2
    assert isinstance(loaded.calibration["log_p"], IntervalCalibration)
    assert isinstance(loaded.calibration["class"], SetCalibration)
    assert [label.name for label in loaded.level_labels("node")] == ["charge"]
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert loaded.ensemble.device.type == expected
    stamp = loaded.stamp()
    assert (stamp["data_hash"], stamp["run"]) == ("data-hash", run.name)
    assert json.dumps(stamp)
    assert (
        f"gine on molecules, 2 x {loaded.predictor.parameters:,} parameters, {loaded.width} numbers a row, 5 labels"
        in repr(loaded)
    )
    assert len(repr(loaded)) < 300


def test_the_model_hash_is_that_of_what_predictions_depend_on(make_run: Callable[..., Path], tmp_path: Path) -> None:
    first, same = (LoadedRun.open(make_run(tmp_path / name)) for name in ("a", "b"))
    refitted = LoadedRun.open(make_run(tmp_path / "c", refit=True))
    calibrated = LoadedRun.open(make_run(tmp_path / "d", calibrated=True))
    assert first.model_hash == same.model_hash
    assert len({first.model_hash, refitted.model_hash, calibrated.model_hash}) == 3


def test_members_refitted_on_all_data_are_preferred(make_run: Callable[..., Path], tmp_path: Path) -> None:
    loaded = LoadedRun.open(make_run(tmp_path, refit=True))
    assert [path.parent.parent.name for path in loaded.weights] == ["refit", "refit"]
    assert loaded.calibration == {}


def test_unfinished_and_damaged_runs_are_refused(make_run: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not finished \(running\); `hooke resume"):
        LoadedRun.open(make_run(tmp_path / "a", finished=False))
    lacking = make_run(tmp_path / "b")
    (lacking / "members" / "1" / "best.safetensors").unlink()
    with pytest.raises(DataError, match=r"lacks the weights members/1/best.safetensors"):
        LoadedRun.open(lacking)
    newer = make_run(tmp_path / "c")
    recipe = json.loads((newer / "recipe.json").read_text())
    recipe["model"]["wormhole"] = True
    (newer / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(DamagedError, match=r"recipe.json is damaged: it is not the file that the run ended with"):
        LoadedRun.open(newer)
    RunFolder(newer).finish()
    with pytest.raises(DataError, match=r"was made by Hooke .* unknown key 'model.wormhole'"):
        LoadedRun.open(newer)


def test_a_run_of_the_first_format_predicts_what_it_did(tmp_path: Path) -> None:
    stored = pl.read_parquet(GOLDEN / "predictions.parquet")
    stored = stored.rename(
        {name: name.replace("_std", "_disagreement") for name in stored.columns}
    )  # it was never calibrated
    bounds = [name for name in stored.columns if name.endswith(("_lower", "_upper"))]
    stored = stored.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in bounds)
    found = predict_in_memory(GOLDEN, stored["smiles"].to_list(), device="cpu")
    assert set(found.columns) - set(stored.columns) == {"lipophilic_class"}
    assert_frame_equal(found[stored.columns], stored, check_exact=False, rel_tol=1e-5, abs_tol=1e-5)
    (tmp_path / "new.csv").write_text("smiles\n" + "\n".join(stored["smiles"]) + "\n")
    hooke.predict(GOLDEN, tmp_path / "new.csv", tmp_path / "out.parquet", device="cpu", show_progress=False)
    streamed = pl.read_parquet(tmp_path / "out.parquet")
    labels = [name for name in stored.columns if name not in ("row", "smiles", "reason")]
    assert len(labels) >= 6
    assert_frame_equal(streamed[labels], stored[labels], check_exact=False, rel_tol=1e-5, abs_tol=1e-5)


def test_a_run_of_the_first_format_keeps_its_atom_codes() -> None:
    loaded = LoadedRun.open(GOLDEN, "cpu")
    assert loaded.recipe.sections["encodings"].features == loaded.spec.encodings.features == 1
    store = MoleculeStore.open(GOLDEN.with_name("store_v1"))
    molecules = trainable("molecules", "fit")
    assert molecules.spec(store, np.arange(len(store)), loaded.recipe).encodings.features == 1
    newer = loaded.recipe.with_section("encodings", features=2)
    with pytest.raises(UsageError, match="holds atom codes of version 1, the recipe asks for 2"):
        molecules.spec(store, np.arange(len(store)), newer)


def test_a_run_of_a_later_format_is_refused(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "run")
    info = json.loads((GOLDEN / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**info, "format": 99}))
    with pytest.raises(DataError, match="has run format 99, this Hooke reads up to"):
        LoadedRun.open(tmp_path / "run")


def test_load_by_name(tmp_path: Path, make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from hooke.encoders.minimol import encoder as minimol
    from hooke.inference.loaded import load

    run = make_run(tmp_path)
    assert isinstance(load(run, device="cpu"), LoadedRun)
    with pytest.raises(UsageError, match="is a run"):
        load(run, weights="some.whl")
    with pytest.raises(DataError, match="published weights 'minimol'"):
        load("minimoll")
    monkeypatch.setattr(minimol.LoadedMiniMol, "open", lambda weights, device: (weights, device))
    assert load("minimol", weights="a.whl", device="cpu") == (Path("a.whl"), "cpu")


def test_what_follows_a_run(run: Path, make_run: Callable[..., Path], tmp_path: Path) -> None:
    assert next_step(RunFolder.open(run)) == (
        "Predict new molecules",
        f"hooke predict {run} new.csv -o predictions.parquet",
    )
    without = make_run(tmp_path, objective="attribute_masking")
    assert next_step(RunFolder.open(without)) == ("Adapt to an assay", f"hooke finetune {without} assay.csv")
    assert LoadedRun.open(without, "cpu").labels == ()


@pytest.mark.parametrize(("key", "what"), [("model", "model"), ("task", "task"), ("data", "data set")])
def test_a_run_of_a_package_that_is_gone_says_so(
    make_run: Callable[..., Path], tmp_path: Path, key: str, what: str
) -> None:
    folder = make_run(tmp_path / "run")
    recipe = json.loads((folder / "recipe.json").read_text())
    recipe[key] = {**recipe[key], "name": "theirs"}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(DataError, match=f"needs the {what} 'theirs', which is not installed here: install the package"):
        read_recipe(RunFolder(folder))

"""The automatic choice: folds without leaks, weights and blend by independent computation, the same bits after a kill, and the budget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.recipe import Recipe, resolve
from hooke.core.runs import RunFolder
from hooke.estimators import Estimator, mean
from hooke.evaluate.blending import blend_weights
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict_in_memory
from hooke.modalities import Candidate
from hooke.train import automatic
from hooke.train.contenders import Contest, OfEstimator, Rows
from hooke.train.fit import fit, prepare, resume, split_of

CHEAP = ("gaussian_process", "ridge")


def recipe_of(table: Path, **options: Any) -> Recipe:
    data = {"name": "csv", "path": str(table), "targets": ["y", "active"]}
    return resolve({"name": "assay", "data": data, "model": {"name": "auto", "candidates": list(CHEAP), **options}})


@pytest.fixture(scope="session")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 molecules with a value that is positive and skewed, and a class; some of both are missing."""
    from rdkit.Chem import Crippen, MolFromSmiles

    from hooke.molecules.tables.twins import write_twin_table

    folder = tmp_path_factory.mktemp("assay")
    smiles = pl.read_csv(write_twin_table(folder / "twin.csv", seed=0, rows=90))["smiles"].to_list()
    generator = np.random.default_rng(0)
    log_p = np.array([Crippen.MolLogP(MolFromSmiles(text)) for text in smiles])
    value = np.exp(1.2 * log_p / log_p.std() + 0.1 * generator.normal(size=len(smiles)))
    active = (log_p + 0.3 * generator.normal(size=len(smiles)) > np.median(log_p)).astype(float)
    value[::9], active[::7] = np.nan, np.nan
    table = pl.DataFrame({"smiles": smiles, "y": value, "active": active}).with_columns(
        pl.all().exclude("smiles").fill_nan(None)
    )
    table.write_csv(folder / "assay.csv")
    return folder / "assay.csv"


@pytest.fixture(scope="session")
def finished(assay: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return fit(recipe_of(assay), runs=tmp_path_factory.mktemp("runs"), show_progress=False)


def out_of_fold(run: RunFolder, name: str) -> tuple[np.ndarray, ...]:
    parts = [np.load(path) for path in sorted(run.path(f"candidates/{name}").glob("*.npz"))]
    return tuple(part["mean"] for part in parts)


def test_blend_is_the_weighted_mean_of_out_of_fold_predictions(finished: RunFolder) -> None:
    """Recomputed in float64 from the files of the folds: weights, the blend, its metrics and its calibration."""
    choice, table = finished.read_json("blend.json"), pl.read_parquet(finished.path("predictions_valid.parquet"))
    assert choice["labels"] == ["y", "active"]
    assert choice["metrics"] == ["RMSE of logarithms", "log loss"]
    assert choice["floors"][0] == table["y_measured"].drop_nans().min()
    measured = np.stack([np.log(table["y_measured"].to_numpy()), table["active_measured"].to_numpy()])
    smiles = np.array(table["smiles"].to_list())
    fold = automatic.grouped_folds(np.unique(smiles, return_inverse=True)[1], 5, seed=0)
    means = np.zeros((2, len(table), 2))
    for place, name in enumerate(CHEAP):
        for number, part in enumerate(out_of_fold(finished, name)):
            means[place, fold == number] = part
    for place, (kind, shown) in enumerate((("value", "y"), ("class", "active"))):
        known = ~np.isnan(measured[place])
        weights = blend_weights(means[:, known, place : place + 1], measured[place, known], classes=kind == "class")
        entries = {entry["name"]: entry["weights"][place] for entry in choice["candidates"]}
        np.testing.assert_allclose([entries[name] for name in CHEAP], weights, atol=1e-9)
        assert sum(entries.values()) == pytest.approx(1, abs=1e-12)
        blend = weights @ means[:, :, place]
        np.testing.assert_allclose(table[shown].to_numpy(), np.exp(blend) if kind == "value" else blend, rtol=1e-9)
    assert finished.read_json("metrics.json")["valid"]["graph"]["y"]["rmse"] == pytest.approx(
        float(np.sqrt(np.nanmean((table["y"].to_numpy() - table["y_measured"].to_numpy()) ** 2)))
    )
    calibrated = finished.read_json("uncertainty.json")
    assert calibrated["y"]["logarithms"]
    assert calibrated["y"]["count"] == int((~np.isnan(measured[0])).sum())
    assert finished.info["rows"]["valid"] == 0
    assert finished.info["rows"]["train"] == len(table)


def test_no_fold_sees_its_own_rows(tmp_path: Path) -> None:
    """Labels and features of a fold, however wild, change nothing of what is predicted for it: nothing is centred or scaled over all rows."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 8)).astype(np.float32)
    targets = features[:, :1].astype(np.float64) + 0.1 * generator.normal(size=(60, 1))
    fold = np.arange(60) % 5
    spec, recipe = SimpleNamespace(labels=(Label("y"),)), resolve({"data": {"name": "csv"}, "model": {"name": "auto"}})

    def predicted(features: np.ndarray, targets: np.ndarray, name: str) -> np.ndarray:
        data = Rows(np.arange(60), {"": features}, targets, targets, ~np.isnan(targets), fold)
        contest = Contest(RunFolder(tmp_path), recipe, spec, None, data, np.full(1, np.nan))
        contender, found = OfEstimator(name, Candidate(name), ()), np.zeros(60)
        for number in range(5):
            found[fold == number] = contender.fold(contest, number, np.inf)[0][:, 0]
        return found

    for name in ("gaussian_process", "support_vectors", "ridge"):
        before = predicted(features, targets, name)
        wild, shifted = targets.copy(), features.copy()
        wild[fold == 2] += 1e4
        shifted[np.flatnonzero(fold == 2)[:6]] += 1e3
        after = predicted(shifted, wild, name)
        kept = np.flatnonzero(fold == 2)[6:]
        np.testing.assert_array_equal(after[kept], before[kept])
        assert not np.array_equal(after[fold == 1], before[fold == 1])


def test_rows_of_equal_structure_share_a_fold(assay: Path, tmp_path: Path) -> None:
    table = pl.read_csv(assay).head(40)
    pl.concat([table, table.head(20)]).write_csv(tmp_path / "repeated.csv")
    recipe = recipe_of(tmp_path / "repeated.csv")
    data = {**recipe.to_json()["data"], "duplicates": "keep_all"}
    recipe = resolve({**recipe.to_json(), "data": data})
    store = prepare(recipe, show_progress=False)
    split = split_of(store, recipe)
    assert not len(split.valid)
    spec = automatic.trainable("molecules", "fit").spec(store, split.train, recipe)
    rows, _ = automatic._data(
        automatic.trainable("molecules", "fit"), recipe, spec, store, split.train, {"ridge": ["descriptors"]}
    )
    smiles = np.array(store.smiles(rows.rows))
    repeated = [text for text in set(smiles.tolist()) if (smiles == text).sum() > 1]
    assert len(repeated) > 5
    assert all(len(set(rows.fold[smiles == text].tolist())) == 1 for text in repeated)


def test_a_reloaded_run_predicts_the_same(finished: RunFolder, assay: Path) -> None:
    test = pl.read_parquet(finished.path("predictions_test.parquet"))
    found = predict_in_memory(LoadedRun.open(finished.folder, "cpu"), test["smiles"].to_list())
    np.testing.assert_allclose(found["y"].to_numpy(), test["y"].to_numpy(), rtol=2e-6)
    np.testing.assert_allclose(found["active"].to_numpy(), test["active"].to_numpy(), rtol=2e-6)
    assert (found["y_lower"].to_numpy() > 0).all()
    assert (found["y_lower"].to_numpy() < found["y"].to_numpy()).all()
    assert (found["y"].to_numpy() < found["y_upper"].to_numpy()).all()
    each = pl.read_parquet(finished.path(automatic.CANDIDATE_PREDICTIONS))
    weights = {entry["name"]: entry["weights"][0] for entry in finished.read_json("blend.json")["candidates"]}
    blend = sum(np.log(each.filter(pl.col("candidate") == name)["y"].to_numpy()) * weights[name] for name in CHEAP)
    np.testing.assert_allclose(test["y"].to_numpy(), np.exp(blend), rtol=1e-6)


def test_a_killed_run_goes_on_to_the_same_bits(
    finished: RunFolder, assay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fits = OfEstimator.fitted, []

    def counted(self: OfEstimator, contest: Contest, places: np.ndarray) -> Any:
        fits.append((self.name, len(places), int(places.sum())))
        return real(self, contest, places)

    def killed(self: OfEstimator, contest: Contest, places: np.ndarray) -> Any:
        if len(fits) == 7:
            raise KeyboardInterrupt
        return counted(self, contest, places)

    monkeypatch.setattr(OfEstimator, "fitted", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(recipe_of(assay), runs=tmp_path, show_progress=False)
    [folder] = (tmp_path / "assay").iterdir()
    assert RunFolder(folder).info["status"] == "interrupted"
    monkeypatch.setattr(OfEstimator, "fitted", counted)
    run = resume(folder, show_progress=False)
    assert len(fits) == len(set(fits)) == 12  # nothing twice: five folds and the last fit of both
    for name in ("predictions_valid.parquet", "predictions_test.parquet", automatic.CANDIDATE_PREDICTIONS):
        assert pl.read_parquet(run.path(name)).equals(pl.read_parquet(finished.path(name)), null_equal=True), name
    assert run.read_json("uncertainty.json") == finished.read_json("uncertainty.json")


def test_budget(finished: RunFolder, assay: Path, tmp_path: Path) -> None:
    """The first candidate is always compared; others only where their six fits fit into what is left."""
    run = fit(recipe_of(assay, budget=1e-3), runs=tmp_path, show_progress=False)
    first, second = run.read_json("blend.json")["candidates"]
    assert (first["status"], first["weights"]) == ("used", [1.0, 1.0])
    assert (second["status"], second["used"], second["weights"]) == ("left out", False, [])
    assert second["reason"].startswith("6 fits would take")
    assert not run.path("members/ridge").exists()
    assert [entry["status"] for entry in finished.read_json("blend.json")["candidates"]] == ["used", "used"]


def test_an_estimator_that_cannot_be_saved_is_refused_before_anything_is_fitted(
    assay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsaved(Estimator):
        modality = "any"

        def fit(self, features: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> None:
            raise AssertionError("it was fitted")

        def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            raise AssertionError("it was asked")

    @dataclass(frozen=True)
    class Config:
        """It has no options."""

    real, point = registry.module, SimpleNamespace(attr="", module="unsaved", name="unsaved", value="unsaved")
    plug_in = SimpleNamespace(Config=Config, Estimator=Unsaved)
    monkeypatch.setattr(registry, "third_party", lambda kind: {"unsaved": point} if kind == "estimators" else {})
    monkeypatch.setattr(
        registry,
        "module",
        lambda kind, name: plug_in if (kind, name) == ("estimators", "unsaved") else real(kind, name),
    )
    recipe = recipe_of(assay)
    for chosen in (recipe_of(assay, candidates=[]), recipe_of(assay, candidates=["unsaved"])):
        with pytest.raises(UsageError, match=r"'unsaved' lacks arrays\(\), from_arrays\(\)"):
            automatic.tried(chosen)
    with pytest.raises(UsageError, match=r"lacks arrays\(\)"):
        fit(resolve({**recipe.to_json(), "model": {"name": "unsaved"}}), runs=tmp_path, show_progress=False)
    plug_in.Estimator = mean.Estimator
    assert "unsaved" in automatic.tried(recipe_of(assay, candidates=[]))


def test_where_it_does_not_apply_the_network_is_trained(assay: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = recipe_of(assay)

    class Large(SimpleNamespace):
        def __len__(self) -> int:
            return self.rows

    for store, reason in (
        (Large(rows=5, labels=tuple(Label(f"y{number}") for number in range(13))), "13 labels"),
        (Large(rows=30_000, labels=(Label("y"),)), "30,000 molecules"),
        (Large(rows=5, labels=(Label("y"), Label("charge", "node"))), "labels of other things"),
    ):
        caplog.clear()
        settled = automatic.settled(recipe, store)
        assert (settled.model.kind, settled.model.name) == ("models", "dmpnn")
        assert reason in caplog.text
    assert automatic.settled(recipe, Large(rows=5, labels=(Label("y"),))) is recipe

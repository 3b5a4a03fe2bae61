"""Estimators fitted as runs: the same numbers as scikit-learn on the features, members, resume, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import RidgeCV

from hooke.core.errors import UsageError
from hooke.core.recipe import Recipe, resolve
from hooke.core.runs import RunFolder
from hooke.estimators import ridge as module
from hooke.evaluate.splits import Split
from hooke.inference.loaded import LoadedRun
from hooke.inference.network import ARRAYS
from hooke.modalities import trainable
from hooke.molecules.spec import MoleculeSpec
from hooke.train.fit import fit, prepare, resume
from hooke.train.gradient_free import features_and_targets, fitted


@pytest.fixture
def ridge(table: Path) -> Recipe:
    data = {"name": "csv", "path": str(table)}
    return resolve({"name": "ridge", "data": data, "model": {"name": "ridge"}, "train": {"ensemble": 2}})


def test_a_run_is_scikit_learn_on_the_features(ridge: Recipe, tmp_path: Path) -> None:
    run = fit(ridge, runs=tmp_path / "runs", show_progress=False)
    loaded, store, modality = (
        LoadedRun.open(run.folder, "cpu"),
        prepare(ridge, show_progress=False),
        trainable("molecules", "fit"),
    )
    split = pl.read_parquet(run.path("split.parquet"))
    train, test = (split.filter(pl.col("split") == part)["row"].to_numpy() for part in ("train", "test"))
    known, targets = features_and_targets(modality, ridge, loaded.spec, store, train)
    unseen, _ = features_and_targets(modality, ridge, loaded.spec, store, test)
    assert known.shape == (len(train), unseen.shape[1])
    mean, std = known.mean(axis=0), known.std(axis=0)
    std[std == 0] = 1
    (number, *_) = (number for number, label in enumerate(loaded.spec.labels) if not label.classes)
    measured = np.isfinite(targets[:, number])
    model = RidgeCV(alphas=np.logspace(-1, 5, 13)).fit(
        np.clip((known - mean) / std, -10, 10)[measured], targets[measured, number]
    )
    found = []
    for batch in modality.loader(store, test, modality.with_features(loaded.spec), ridge, part="predict").epoch(0):
        found.append(loaded.predictor.members(batch)["graph"].values[:, :, number])
    expected = model.predict(np.clip((unseen - mean) / std, -10, 10))
    for member in np.concatenate(found, axis=1):
        np.testing.assert_allclose(member, expected, rtol=1e-5, atol=1e-6)


def test_members_fitted_before_a_kill_are_kept(ridge: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(ridge, runs=tmp_path / "whole", show_progress=False)
    learn, calls = module.Estimator.fit, []

    def killed(self: module.Estimator, *arguments: Any, **options: Any) -> None:
        calls.append(options)
        if len(calls) == 2:
            raise KeyboardInterrupt
        learn(self, *arguments, **options)

    monkeypatch.setattr(module.Estimator, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(ridge, runs=tmp_path / "killed", show_progress=False)
    (folder,) = (tmp_path / "killed" / "ridge").iterdir()
    first = (folder / "members" / "0" / ARRAYS).stat().st_mtime_ns
    assert not (folder / "members" / "1" / ARRAYS).exists()
    resume(folder, show_progress=False)
    assert len(calls) == 3
    assert (folder / "members" / "0" / ARRAYS).stat().st_mtime_ns == first
    for number in range(2):
        paths = [run / "members" / str(number) / ARRAYS for run in (whole.folder, folder)]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_nothing_to_learn_is_refused(ridge: Recipe, tmp_path: Path) -> None:
    store = prepare(ridge, show_progress=False)
    run = RunFolder(tmp_path / "run")
    everything = Split(np.arange(60), np.arange(60, 70), np.arange(70, len(store)))
    with pytest.raises(UsageError, match="ridge predicts labels of whole molecules, and the data carry none"):
        fitted(run, ridge, MoleculeSpec(), store, everything)

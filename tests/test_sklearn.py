"""Estimators in the manner of scikit-learn: its own checks, pipelines, folds, copies, and what molecules need beside."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import hooke
from hooke.core.errors import UsageError
from hooke.molecules.tables.twins import twin_smiles
from hooke.sklearn import HookeClassifier, HookeRegressor, HookeTransformer

SMILES = twin_smiles(40, seed=3)
SIZES = np.array([Chem.MolFromSmiles(each).GetNumHeavyAtoms() for each in SMILES], float)


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("estimator", [HookeRegressor("ridge"), HookeClassifier("ridge"), HookeTransformer()])
def test_the_checks_of_scikit_learn(estimator: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that rows of numbers cannot be tried: X holds molecules
        found = check_estimator(estimator, on_fail="raise", on_skip=None)
    assert {one["status"] for one in found} == {"passed"}


def test_a_regressor_in_folds_and_a_copy_of_it() -> None:
    model = HookeRegressor("ridge", calibration_fraction=0.2)
    scores = cross_val_score(model, np.array(SMILES), SIZES, cv=2, scoring="r2")
    assert scores.min() > 0.5
    model.fit(pd.Series(SMILES), SIZES)
    mean, std = model.predict([*SMILES[:3], None, Chem.MolFromSmiles("CCO")], return_std=True)
    assert np.isnan(mean).tolist() == [False, False, False, True, False]
    assert len(std) == 5
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(SMILES[:3]), mean[:3])
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "run_")


def test_classes_keep_their_names() -> None:
    names = np.where(np.median(SIZES) < SIZES, "large", "small")
    model = HookeClassifier("ridge").fit(pd.DataFrame({"molecule": SMILES}), names)
    assert model.classes_.tolist() == ["large", "small"]
    chance = model.predict_proba(SMILES)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert (model.predict(SMILES) == names).mean() > 0.8
    with pytest.raises(UsageError, match="row 1 of X holds no molecule"):
        model.predict(["CCO", "no molecule"])
    with pytest.raises(UsageError, match="3 classes"):
        HookeClassifier("ridge").fit(SMILES[:3], ["a", "b", "c"])


def test_vectors_in_a_pipeline() -> None:
    chain = make_pipeline(HookeTransformer("tiny"), Ridge())
    chain.fit(SMILES, SIZES)
    assert chain.score(SMILES, SIZES) > 0.9
    names = chain[0].get_feature_names_out()
    assert len(names) == hooke.load("tiny").width
    assert names[0] == "tiny_0"
    with pytest.raises(UsageError, match="row 0 of X"):
        chain.predict([None])


def test_what_is_no_column_of_molecules() -> None:
    for given, message in (
        ("CCO", "sequence"),
        (pd.DataFrame({"a": ["C"], "b": ["C"]}), "one column"),
        (np.array([["C", "C"]]), "one column"),
    ):
        with pytest.raises(UsageError, match=message):
            HookeTransformer().transform(given)
    with pytest.raises(UsageError, match="X has 2 rows and y 1"):
        HookeRegressor("ridge").fit(["C", "CC"], [1.0])

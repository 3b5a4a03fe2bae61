from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, noise, write_cells

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.workflows.response_scores import evaluate_responses, other_contexts


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A screen, and a file that predicts every perturbation by its mean over another sample of cells."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    values, obs = made_cells(effect=1.5)
    measured = write_cells(tmp_path / "measured.h5ad", values, obs)
    order = [row for row in range(len(values)) if row % 2]
    predicted = write_cells(
        tmp_path / "predicted.h5ad",
        values[order],
        {name: [column[row] for row in order] for name, column in obs.items()},
    )
    return measured, predicted


def test_models_stand_between_null_and_ceiling_beside_baselines(files: tuple[Path, Path], tmp_path: Path) -> None:
    measured, predicted = files
    found = evaluate_responses(
        {"own": predicted}, measured, tmp_path / "scores.csv", profile="vcc", show_progress=False
    )
    assert [each.name for each in found.contexts] == ["a", "b"]
    context = found.context("a")
    assert context.evaluable
    assert set(context.ranking("pearson_delta")[:2]) == {"own", "other contexts"}  # both contexts have the same effects
    assert "additive" not in context.ranking("pearson_delta")  # one double of five perturbations
    models = {each.model for each in context.scores}
    assert models == {"own", "mean", "control", "additive", "other contexts"}
    assert {each.metric for each in context.scores} >= {"vcc_mae", "vcc_discrimination_l1", "vcc_overlap_at_n"}
    table = pl.read_csv(tmp_path / "scores.csv")
    assert len(table) == 2 * 16 * 5
    own = table.filter(model="own", metric="pearson_delta", context="a").row(0, named=True)
    assert own["best_baseline"] == "other contexts"
    assert own["difference_low"] <= own["difference"] <= own["difference_high"]
    assert own["evaluable_perturbations"] == 5
    assert found.predictions["own"]["not_predicted"] == []
    assert found.to_json()["contexts"][0]["ranking"]["pearson_delta"] == context.ranking("pearson_delta")


def test_predicted_controls_change_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    measured, predicted = files
    import anndata

    table = anndata.read_h5ad(predicted)
    controls = (table.obs["perturbation"] == "control").to_numpy()
    without, twisted = table[~controls].copy(), table.copy()
    twisted.X = np.where(controls[:, None], 7.0, table.X.toarray())
    scores = []
    for name, each in (("as", table), ("without", without), ("twisted", twisted)):
        each.write_h5ad(tmp_path / f"{name}.h5ad")
        scores.append(evaluate_responses({"m": tmp_path / f"{name}.h5ad"}, measured, show_progress=False).contexts)
    for other in scores[1:]:
        for one, two in zip(scores[0], other, strict=True):
            np.testing.assert_equal([vars(each) for each in one.scores], [vars(each) for each in two.scores])


def test_nothing_is_ranked_on_a_screen_without_effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    values, obs = made_cells(effect=0.0)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    found = evaluate_responses({"m": path}, path, show_progress=False)
    for context in found.contexts:
        assert context.ranking("pearson_delta") == []
        assert context.verdict.startswith("not evaluable")


def test_missing_genes_and_perturbations_are_listed(files: tuple[Path, Path], tmp_path: Path) -> None:
    measured, predicted = files
    import anndata

    table = anndata.read_h5ad(predicted)
    table = table[(table.obs["perturbation"] != "P2").to_numpy(), 3:].copy()
    table.write_h5ad(tmp_path / "less.h5ad")
    found = evaluate_responses({"less": tmp_path / "less.h5ad"}, measured, show_progress=False)
    assert found.genes == 37
    assert found.predictions["less"]["missing_genes"] == ["G0", "G1", "G2"]
    assert found.predictions["less"]["not_predicted"] == ["P2 in a", "P2 in b"]
    [own] = [each for each in found.context("a").scores if (each.model, each.metric) == ("less", "mse")]
    assert (own.scored, own.undefined) == (4, 1)


def test_wrong_calls(files: tuple[Path, Path], tmp_path: Path) -> None:
    measured, predicted = files
    with pytest.raises(UnknownNameError, match="profile"):
        evaluate_responses({"m": predicted}, measured, profile="full")
    with pytest.raises(UsageError, match="at least one"):
        evaluate_responses({}, measured)
    with pytest.raises(DataError, match="no file"):
        evaluate_responses({"m": tmp_path / "none.h5ad"}, measured, show_progress=False)


def test_other_contexts_are_weighted_by_cells_and_leave_the_own_out() -> None:
    parts = noise(0, perturbations=3, genes=20, effect=1.0)
    change = parts.perturbed.sum(axis=1) / 100 - parts.controls[0].sum(axis=0) / 200
    found = other_contexts(parts, np.array([0, 0, 1]))
    assert np.allclose(found[0], change[1])
    assert np.allclose(found[1], change[0])
    assert np.isnan(found[2]).all()

"""Runs of `hooke response fit` in the common verbs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from tests.cli import conftest as command_line

import hooke as library
from hooke.cells.simulated_response import SimulationConfig, simulate
from hooke.core.errors import DataError, UsageError
from hooke.estimators.responses import Knowledge
from hooke.inference.embed import embed
from hooke.report.text import show_report
from hooke.workflows.response_explain import FittedRun
from hooke.workflows.response_fit import NEW, FittedScreen, Responses, fit_responses
from hooke.workflows.response_networks import Cells, ResponseNetwork, network_recipe
from hooke.workflows.response_predict import predict_responses
from hooke.workflows.response_run import ResponseRun, is_fitted_screen

hooke = command_line.hooke  # the fixture
MODELS = "global_mean,context_mean,graph_kernel_ridge"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FittedScreen, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("common")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    simulated = simulate(SimulationConfig(modules=6, genes_a_module=4, readouts=80, cells=24, controls=100, pairs=4))
    simulated.profiles.write(folder / "screen.h5ad")
    (folder / "edges.csv").write_text(simulated.edges.write_csv())
    usual = Responses.splits
    patch.setattr(Responses, "splits", lambda self, seed: {NEW: usual(self, seed)[NEW]})
    options = {"scale": "log1p", "graph": str(folder / "edges.csv"), "show_progress": False}
    run = fit_responses(folder / "screen.h5ad", folder / "runs", library=["T900"], models=MODELS, **options)
    yield folder, run, tuple(simulated.genes)
    patch.undo()


def test_predict_has_a_row_for_every_row_and_the_values_of_the_own_verb(hooke, fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, run, genes = fitted
    table = pl.DataFrame(
        {
            "perturbation": [genes[0], f"{genes[1]}+{genes[0]}", "ctrl", genes[2], "T900", genes[3]],
            "context": ["strong", "weak", "strong", "moon", "strong", ""],
            "mine": list("abcdef"),
        }
    )
    table.write_csv(tmp_path / "asked.csv")
    outcome = hooke("predict", str(run.folder), "asked.csv", "-o", "predicted.parquet")
    assert outcome.code == 0, outcome.err
    assert "6 perturbations: 3 done, 3 rejected" in outcome.out
    found = pl.read_parquet(tmp_path / "predicted.parquet")
    assert found.select(table.columns).equals(table)
    assert found["reason"].is_null().to_list() == [True, True, False, False, True, False]
    assert "no path in the graph" in found["fallback"][4]
    own = predict_responses(run.folder, tmp_path / "asked.csv")
    names = list(own.profiles.features)
    values = found.select(names).to_numpy()
    assert np.allclose(values, own.profiles.values, atol=1e-6, equal_nan=True)
    assert found["kind"].fill_null("").to_list() == own.profiles.metadata["kind"].to_list()
    width = (found[f"{names[0]}_upper"] - found[f"{names[0]}_lower"]).to_numpy() / 2
    assert width[4] == pytest.approx(own.half_widths[NEW][0], rel=1e-4)
    again = hooke("predict", str(run.folder.parent), "asked.csv", "-o", "predicted.csv", "--json")
    assert again.code == 0, again.err
    assert pl.read_csv(tmp_path / "predicted.csv").height == 6


def test_predictions_in_memory(fitted) -> None:  # type: ignore[no-untyped-def]
    _, run, genes = fitted
    loaded = library.load(run.folder)
    assert isinstance(loaded, ResponseRun)
    assert NEW in repr(loaded)
    own = predict_responses(run.folder, genes[:3], context="strong").profiles
    found = loaded.predict(list(genes[:3]), context="strong")
    assert np.allclose(found.select(own.features).to_numpy(), own.values, atol=1e-6)
    table = pl.DataFrame({"perturbation": genes[:3], "context": ["strong"] * 3, "row": [5, 6, 7]})
    beside = loaded.predict(table, uncertainty=False)
    assert beside.columns[:6] == ["perturbation", "context", "row", "kind", "model", "fallback"]
    assert beside["row"].to_list() == [5, 6, 7]
    assert np.allclose(beside.select(own.features).to_numpy(), own.values, atol=1e-6)
    assert f"{own.features[0]}_lower" not in beside.columns
    with pytest.raises(DataError, match="leave it out"):
        loaded.predict(beside)


def test_what_closed_forms_and_other_verbs_cannot_do_is_said(hooke, fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, run, genes = fitted
    with pytest.raises(UsageError, match="closed form, which has no vectors"):
        library.load(run.folder).embed([genes[0]], context="strong")
    (tmp_path / "asked.csv").write_text(f"perturbation,context\n{genes[0]},strong\n")
    outcome = hooke("embed", str(run.folder), "asked.csv", "-o", "vectors.parquet")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "--networks txpert" in outcome.err
    outcome = hooke("predict", str(run.folder), "asked.csv", "-o", "p.parquet", "--threshold", "0.5")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "threshold belongs to runs of `hooke fit`" in outcome.err
    outcome = hooke("resume", str(run.folder))
    assert (outcome.code, outcome.err.count("\n")) == (3, 1)
    assert "run of `hooke response fit`" in outcome.err
    assert not is_fitted_screen(tmp_path)


def test_the_report_is_a_common_one(fitted) -> None:  # type: ignore[no-untyped-def]
    text = show_report(fitted[1].folder / "report.json")
    assert "graph_kernel_ridge" in text


def test_a_chosen_network_embeds(fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, run, genes = fitted
    opened = FittedRun.open(run.folder)
    sizes = ["model.width=16", "model.node_width=16", "model.hidden=16", "task.hidden=16"]
    recipe = network_recipe("txpert", [*sizes, "train.epochs=2", "train.ensemble=1", "train.patience=0"])
    cells = Cells(opened.contexts, np.ones((2, len(opened.genes))), "log1p")
    network = ResponseNetwork(recipe, Knowledge(opened.graph), tmp_path, cells=cells)
    network.fit(opened.conditions, opened.changes)
    loaded = library.load(run.folder)
    own = ResponseRun(replace(loaded.answers, models={"txpert": network}, choices={NEW: "txpert"}))
    found = own.embed([genes[0], genes[1], "ctrl"], context="strong")
    assert found.shape == (3, own.width) == (3, 16)
    assert np.isfinite(found).all(axis=1).tolist() == [True, True, False]
    assert not np.allclose(found[0], found[1])
    streamed = embed(
        own, [genes[0], genes[1], "ctrl"], tmp_path / "vectors.parquet", context="strong", show_progress=False
    )
    assert (streamed.rows, streamed.done, streamed.rejected) == (3, 2, 1)
    written = pl.read_parquet(tmp_path / "vectors.parquet")["embedding"]
    assert np.allclose(np.array(written[:2].to_list()), found[:2], atol=1e-6)

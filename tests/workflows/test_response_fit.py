from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from hooke.cells.simulated_response import SimulatedResponse, SimulationConfig, simulate
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.workflows.response_fit import CONTEXT, NEW, PAIRS, FittedScreen, fit_responses

CONFIG = SimulationConfig(modules=6, genes_a_module=4, readouts=80, cells=24, controls=100, pairs=16)


@pytest.fixture(scope="module")
def simulated() -> SimulatedResponse:
    return simulate(CONFIG)


@pytest.fixture(scope="module")
def fitted(simulated: SimulatedResponse, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FittedScreen]:
    folder = tmp_path_factory.mktemp("fitted")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    simulated.profiles.write(folder / "screen.h5ad")
    (folder / "edges.csv").write_text(simulated.edges.write_csv())
    yield (
        folder,
        fit_responses(
            folder / "screen.h5ad", folder / "runs", scale="log1p", graph=str(folder / "edges.csv"), show_progress=False
        ),
    )
    patch.undo()


def test_the_graph_is_chosen_where_it_holds_the_answer(fitted: tuple[Path, FittedScreen]) -> None:
    choices = {each.kind: each for each in fitted[1].choices}
    assert set(choices) == {NEW, PAIRS, CONTEXT}
    new = choices[NEW]
    assert new.model == "graph_kernel_ridge"
    assert new.difference.low > 0
    assert "beats the best baseline" in new.verdict
    assert next(iter(new.scores)) == new.model
    assert new.errors[new.model] < 1
    assert "not evaluable" in fitted[1].verdicts["weak"]
    assert fitted[1].report.exists()


def test_a_rewired_graph_is_not_chosen_and_that_is_said(
    fitted: tuple[Path, FittedScreen], simulated: SimulatedResponse
) -> None:
    folder, _ = fitted
    shuffled = dict(zip(simulated.genes, np.random.default_rng(1).permutation(simulated.genes).tolist(), strict=True))
    wrong = simulated.edges.with_columns(
        pl.col("entity1").replace_strict(shuffled), pl.col("entity2").replace_strict(shuffled)
    )
    (folder / "wrong.csv").write_text(wrong.write_csv())
    models = "global_mean,matching_mean,graph_kernel_ridge"
    found = fit_responses(
        folder / "screen.h5ad",
        folder / "runs",
        scale="log1p",
        graph=str(folder / "wrong.csv"),
        models=models,
        show_progress=False,
    )
    new = next(each for each in found.choices if each.kind == NEW)
    assert new.is_baseline
    assert f"a baseline wins: {new.model}" in new.verdict


def test_a_finished_run_is_not_made_again(fitted: tuple[Path, FittedScreen]) -> None:
    folder, first = fitted
    again = fit_responses(
        folder / "screen.h5ad", folder / "runs", scale="log1p", graph=str(folder / "edges.csv"), show_progress=False
    )
    assert again.folder == first.folder
    assert [each.model for each in again.choices] == [each.model for each in first.choices]
    assert again.choices[0].scores == first.choices[0].scores
    other = fit_responses(
        folder / "screen.h5ad",
        folder / "runs",
        scale="log1p",
        graph="",
        models="global_mean,context_mean",
        seed=1,
        show_progress=False,
    )
    assert other.folder != first.folder


def test_a_network_is_compared_chosen_saved_and_asked(
    fitted: tuple[Path, FittedScreen], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fold of one kind of question; without a graph kernel the network with the planted graph is the best model."""
    from hooke.workflows.response_fit import Responses
    from hooke.workflows.response_predict import predict_responses

    folder, _ = fitted
    usual = Responses.splits
    monkeypatch.setattr(Responses, "splits", lambda self, seed: {NEW: usual(self, seed)[NEW][:1]})
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        'extends = "txpert"\nname = "small"\n[model]\nwidth = 32\nnode_width = 32\nhidden = 64\n[task]\nhidden = 64\n'
        "[train]\nepochs = 50\nensemble = 1\nlearning_rate = 2e-3\n"
    )
    options = {
        "scale": "log1p",
        "graph": str(folder / "edges.csv"),
        "models": "global_mean,no_change",
        "show_progress": False,
    }
    found = fit_responses(folder / "screen.h5ad", tmp_path / "runs", networks=str(recipe), **options)
    [choice] = found.choices
    assert {*choice.scores} == {"global_mean", "small", "global_mean+small"}
    assert choice.model in ("small", "global_mean+small")
    assert not choice.is_baseline
    assert "beats the best baseline, global_mean" in choice.verdict
    assert list(found.folder.glob("networks/*")) == []
    asked = predict_responses(found.folder, ["T000+T005", "NEW"], context="strong")
    assert asked.profiles.metadata["model"].to_list() == [choice.model] * 2
    assert "NEW: not among the genes" in asked.profiles.metadata["fallback"][1] or choice.model == "global_mean+small"
    assert np.isfinite(asked.profiles.values).all()


def test_without_a_graph_models_that_need_one_are_named(fitted: tuple[Path, FittedScreen]) -> None:
    folder, _ = fitted
    found = fit_responses(
        folder / "screen.h5ad",
        folder / "runs",
        scale="log1p",
        graph="",
        models="global_mean,graph_kernel_ridge",
        show_progress=False,
    )
    assert "needs a graph" in found.choices[0].skipped["graph_kernel_ridge"]
    assert found.choices[0].model == "global_mean"
    assert "no other model was compared" in found.choices[0].verdict


def test_nothing_is_chosen_where_nothing_is_evaluable(
    fitted: tuple[Path, FittedScreen], simulated: SimulatedResponse
) -> None:
    folder, _ = fitted
    weak = simulated.profiles.take(simulated.profiles.column("cell_type") == "weak")
    weak.write(folder / "weak.h5ad")
    with pytest.raises(UsageError, match=r"nothing can be chosen.*weak: not evaluable"):
        fit_responses(folder / "weak.h5ad", folder / "runs", scale="log1p", graph="", show_progress=False)


def test_wrong_calls(fitted: tuple[Path, FittedScreen]) -> None:
    folder, _ = fitted
    with pytest.raises(UnknownNameError, match="graph_kernel_ridge"):
        fit_responses(folder / "screen.h5ad", folder / "runs", models="graph_kernel", scale="log1p")
    with pytest.raises(UsageError, match="at least one baseline"):
        fit_responses(
            folder / "screen.h5ad",
            folder / "runs",
            models="graph_kernel_ridge",
            scale="log1p",
            graph=str(folder / "edges.csv"),
            show_progress=False,
        )
    with pytest.raises(DataError):
        fit_responses(
            folder / "screen.h5ad", folder / "runs", scale="log1p", graph=str(folder / "none.csv"), show_progress=False
        )

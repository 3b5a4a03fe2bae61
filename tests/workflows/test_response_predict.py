from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from hooke.cells.profiles import Profiles
from hooke.cells.simulated_response import SimulatedResponse, SimulationConfig, simulate
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.workflows.response_fit import CONTEXT, NEW, PAIRS, FittedScreen, fit_responses
from hooke.workflows.response_predict import MEASURED, predict_responses
from hooke.workflows.response_scores import evaluate_responses

HELD = 6
MODELS = "global_mean,context_mean,matching_mean,graph_kernel_ridge"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FittedScreen, SimulatedResponse, set[str]]:
    folder = tmp_path_factory.mktemp("predicted")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    simulated = simulate(SimulationConfig(modules=6, genes_a_module=5, readouts=80, cells=24, controls=100, pairs=20))
    held = set(simulated.genes[4::5])
    simulated.without(held).write(folder / "screen.h5ad")
    simulated.of(held).write(folder / "held.h5ad")
    (folder / "edges.csv").write_text(simulated.edges.write_csv())
    run = fit_responses(
        folder / "screen.h5ad",
        folder / "runs",
        scale="log1p",
        graph=str(folder / "edges.csv"),
        library=sorted(held),
        models=MODELS,
        show_progress=False,
    )
    yield folder, run, simulated, held
    patch.undo()


def test_unseen_genes_are_predicted_and_scored_on_their_own_cells(fitted) -> None:  # type: ignore[no-untyped-def]
    folder, run, _, held = fitted
    found = predict_responses(run.folder, sorted(held), folder / "held_predicted.h5ad", context="strong")
    assert found.summary()["kinds"] == {NEW: HELD}
    scores = evaluate_responses(
        {"own": folder / "held_predicted.h5ad"},
        folder / "held.h5ad",
        space="changes",
        scale="log1p",
        show_progress=False,
    )
    strong = scores.context("strong")
    assert strong.ranking("pearson_delta")[0] == "own"
    assert scores.context("weak").ranking("pearson_delta") == []


def test_every_row_has_a_prediction_a_flag_or_a_reason(fitted) -> None:  # type: ignore[no-untyped-def]
    folder, run, simulated, held = fitted
    new, first, second = sorted(held)[0], simulated.genes[0], simulated.genes[6]
    table = pl.DataFrame(
        {
            "perturbation": [new, first, f"{second}+{first}", "ctrl", "2-Sep", "NOWHERE", first, f"{new}+{first}"],
            "context": ["strong", "strong", "strong", "strong", "strong", "strong", "moon", "weak"],
        }
    )
    table.write_csv(folder / "asked.csv")
    found = predict_responses(run.folder, folder / "asked.csv")
    metadata = found.profiles.metadata
    assert metadata["kind"].to_list() == [NEW, MEASURED, PAIRS, "", "", NEW, "", NEW]
    reasons = metadata["reason"].to_list()
    assert [bool(reason) for reason in reasons] == [False, False, False, True, True, False, True, False]
    assert "control" in reasons[3]
    assert "turned into a date" in reasons[4]
    assert "no context moon" in reasons[6]
    assert np.isnan(found.profiles.values).all(axis=1).tolist() == [bool(reason) for reason in reasons]
    assert "no path in the graph" in metadata["fallback"][5]
    assert metadata["fallback"][0] == ""
    assert found.summary()["rows"] == 8


def test_files_hold_what_was_returned_and_profiles_are_never_negative(fitted) -> None:  # type: ignore[no-untyped-def]
    folder, run, simulated, held = fitted
    asked = [*sorted(held), simulated.genes[0]]
    changes = predict_responses(run.folder, asked, folder / "changes.parquet")
    assert len(changes.profiles) == 2 * len(asked)  # in every context
    assert np.array_equal(Profiles.read(folder / "changes.parquet").values, changes.profiles.values)
    widths = pl.read_parquet(folder / "changes.half_widths.parquet")
    assert set(widths["kind"]) == set(changes.half_widths) <= {NEW, PAIRS, CONTEXT}
    profiles = predict_responses(run.folder, asked, folder / "profiles.h5ad", space="profiles")
    import anndata

    table = anndata.read_h5ad(folder / "profiles.h5ad")
    assert np.array_equal(table.X, profiles.profiles.values)
    assert (table.X >= 0).all()
    assert set(table.uns["half_width"]) == set(changes.half_widths)
    controls = simulated.profiles.values[
        (simulated.profiles.column("perturbation") == "control") & (simulated.profiles.column("cell_type") == "strong")
    ]
    strong = np.flatnonzero(profiles.profiles.column("context") == "strong")
    expected = np.maximum(changes.profiles.values[strong] + controls.mean(axis=0), 0)
    assert np.allclose(profiles.profiles.values[strong], expected, atol=0.02)


def test_intervals_cover_new_perturbations(fitted) -> None:  # type: ignore[no-untyped-def]
    """Half-widths are calibrated on held-out perturbations; those of other genes, measured with more noise, are mostly inside."""
    _, run, simulated, held = fitted
    names = sorted(held)
    found = predict_responses(run.folder, names, context="strong")
    cells = simulated.of(held)
    strong = cells.column("cell_type") == "strong"
    control = cells.values[strong & (cells.column("perturbation") == "control")].mean(axis=0)
    measured = np.stack(
        [cells.values[strong & (cells.column("perturbation") == name)].mean(axis=0) - control for name in names]
    )
    inside = np.abs(found.profiles.values - measured) <= found.half_widths[NEW]
    assert 0.8 <= inside.mean() <= 1.0


def test_the_same_predictions_from_a_moved_run(fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    import shutil

    _, run, _, held = fitted
    shutil.copytree(run.folder, tmp_path / "moved")
    first, second = (
        predict_responses(place, sorted(held)).profiles.values for place in (run.folder, tmp_path / "moved")
    )
    assert np.array_equal(first, second)


def test_wrong_calls(fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, run, _, held = fitted
    with pytest.raises(UnknownNameError, match="space"):
        predict_responses(run.folder, sorted(held), space="deltas")
    with pytest.raises(UnknownNameError, match="context"):
        predict_responses(run.folder, sorted(held), context="moon")
    with pytest.raises(UsageError, match="must end in"):
        predict_responses(run.folder, sorted(held), tmp_path / "p.txt")
    (tmp_path / "asked.csv").write_text("gene\nA\n")
    with pytest.raises(DataError, match="no column perturbation"):
        predict_responses(run.folder, tmp_path / "asked.csv")
    with pytest.raises(DataError, match="no run"):
        predict_responses(tmp_path, sorted(held))

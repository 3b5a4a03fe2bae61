"""A simulated screen: what is explained adds up, holds its measurement out, and leads to the planted modules."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anndata")

from hooke.cells.conditions import Conditions
from hooke.cells.simulated_response import SimulationConfig, simulate
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.json_text import json_text
from hooke.estimators.responses import response_model
from hooke.testing.response_models import GENES, made_knowledge, made_screen
from hooke.workflows.response_claims import PATHWAY, SIMILAR, UNTESTABLE
from hooke.workflows.response_explain import FittedRun
from hooke.workflows.response_explain import explain_response as explain
from hooke.workflows.response_fit import NEW, fit_responses

explain_response = partial(explain, verify="none", show_progress=False)  # no downloads
MODELS = "global_mean,context_mean,matching_mean,graph_kernel_ridge"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("explained")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    simulated = simulate(SimulationConfig(modules=6, genes_a_module=5, readouts=80, cells=24, controls=100, pairs=20))
    held = set(simulated.genes[4::5])
    simulated.without(held).write(folder / "screen.h5ad")
    (folder / "edges.csv").write_text(simulated.edges.write_csv())
    run = fit_responses(
        folder / "screen.h5ad", folder / "runs", scale="log1p", graph=str(folder / "edges.csv"), library=sorted(held), models=MODELS,
        show_progress=False,
    )  # fmt: skip
    yield folder, run, simulated, sorted(held)
    patch.undo()


def test_a_measured_gene_is_explained_without_its_measurement(fitted) -> None:  # type: ignore[no-untyped-def]
    folder, run, simulated, _ = fitted
    asked = simulated.genes[0]
    module = {*simulated.genes[:5]}
    (folder / "sets.gmt").write_text(
        f"mine\t\t{chr(9).join(simulated.profiles.features[:12])}\nother\t\t{chr(9).join(simulated.profiles.features[40:60])}\n"
    )
    found = explain_response(
        run.folder, asked, folder / "why.html", context="strong", pathways=str(folder / "sets.gmt")
    )
    assert all(asked not in each.perturbation.split("+") for each in found.neighbours)
    assert module & {*found.neighbours[0].perturbation.split("+")}
    assert "fitted without" in found.notes[0]
    assert found.measured is not None
    assert found.r > 0.3
    similar = [each for each in found.claims if each.type == SIMILAR]
    assert similar
    assert similar[0].q < 0.2  # 27 genes in six modules: every fifth pair is of one module
    assert found.verdicts()["falsified"] == 0
    assert {each.name for each in found.pathways} == {"mine", "other"}
    assert sum(found.verdicts().values()) == len(found.claims)
    text = (folder / "why.html").read_text()
    assert f"Why {asked} in strong" in text
    assert "<script" not in text
    again = explain_response(run.folder, asked, context="strong", pathways="none")
    assert not [each for each in again.claims if each.type == PATHWAY]
    assert np.array_equal(again.predicted, found.predicted)
    json.loads(json_text(found.to_json()))


def test_shares_add_up_and_the_prediction_is_that_of_predict(fitted) -> None:  # type: ignore[no-untyped-def]
    from hooke.workflows.response_predict import predict_responses

    _, run, _, held = fitted
    found = explain_response(run.folder, held[0], context="strong", pathways="none")
    assert found.kind == NEW
    assert found.measured is None
    assert np.isnan(found.r)
    assert {each.verdict for each in found.claims} == {UNTESTABLE}
    predicted = predict_responses(run.folder, [held[0]], context="strong")
    assert found.predicted == pytest.approx(predicted.profiles.values[0], abs=1e-5)
    opened = FittedRun.open(run.folder)
    model = opened.models[found.model]
    taken = model.parts(Conditions.of_genes(held[0]))
    assert taken is not None
    assert model.mean + taken[1].sum(axis=0) == pytest.approx(found.predicted)
    assert len(opened.changes) == len(opened.conditions) == len(opened.r_half)


@pytest.mark.parametrize("name", ["graph_kernel_ridge", "nearest_neighbours", "kronecker_ridge"])
@pytest.mark.parametrize("asked", [GENES[0], (GENES[1], GENES[5])])
def test_parts_sum_up_to_the_prediction(name: str, asked: str | tuple[str, ...]) -> None:
    """The rest is the same for every perturbation of a context."""
    knowledge, (conditions, values) = made_knowledge(), made_screen()
    rows = np.array([place for place, each in enumerate(conditions.parts) if each != (GENES[3],)])
    model = response_model(name, knowledge=knowledge)
    model.fit(conditions.take(rows), values[rows])
    rest = []
    for one in (asked, GENES[3]):
        condition = Conditions.of(Conditions.of_genes(one).perturbations, ["left"])
        taken = model.parts(condition)
        assert taken is not None
        assert len(taken[0]) == len(taken[1])
        rest.append(model.predict(condition).values[0] - taken[1].sum(axis=0))
    assert rest[0] == pytest.approx(rest[1], abs=1e-8)


def test_other_models_and_refusals(fitted, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, run, simulated, _ = fitted
    other = explain_response(
        run.folder, simulated.genes[1], context="strong", model="nearest_neighbours", pathways="none"
    )
    assert other.model == "nearest_neighbours"
    assert any("because it was asked for" in note for note in other.notes)
    with pytest.raises(UsageError, match="no sum of parts"):
        explain_response(run.folder, simulated.genes[1], model="global_mean", pathways="none")
    with pytest.raises(UsageError, match="nothing to explain"):
        explain_response(run.folder, "ctrl")
    with pytest.raises(UnknownNameError, match="context"):
        explain_response(run.folder, simulated.genes[1], context="moon")
    with pytest.raises(UsageError, match="must end in"):
        explain_response(run.folder, simulated.genes[1], tmp_path / "why.txt")
    with pytest.raises(UsageError, match="CORUM is CC BY-NC"):
        explain(run.folder, simulated.genes[1], verify="CORUM")
    with pytest.raises(UsageError, match=r"own graph holds edges\.csv"):
        explain(run.folder, simulated.genes[1], verify="edges.csv")
    with pytest.raises(DataError):
        explain_response(tmp_path, simulated.genes[1])

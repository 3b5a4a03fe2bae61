"""Graphs and structures come back from a run; a screen of compounds chooses models and networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke import load
from hooke.cells.conditions import Conditions
from hooke.cells.graph import EdgeSource, graph_of
from hooke.cells.perturbations import parse_treatment
from hooke.core.errors import DataError, UsageError
from hooke.core.runs import RunFolder
from hooke.workflows.response_explain import FittedRun, explain_response
from hooke.workflows.response_fit import NEW, Responses, fit_responses
from hooke.workflows.response_knowledge import (
    compound_clusters,
    graph_arrays,
    graph_from,
    read_knowledge,
    screen_knowledge,
    write_knowledge,
)
from hooke.workflows.response_predict import predict_responses

ENDS = ("C(=O)O", "N", "S", "Cl")
SMILES = {f"drug{group}{length}": "C" * length + end for group, end in enumerate(ENDS) for length in range(2, 8)}
OPTIONS = {"scale": "z-score", "batch": "", "show_progress": False, "kind": "compounds"}


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wells of 24 compounds at two doses: what the functional group does, less at the lower dose."""
    folder = tmp_path_factory.mktemp("compounds")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    usual = Responses.splits
    patch.setattr(Responses, "splits", lambda self, seed: {NEW: usual(self, seed)[NEW][:2]})
    generator = np.random.default_rng(0)
    effects = generator.normal(size=(len(ENDS), 30))
    rows = [("DMSO", None, np.zeros(30))] * 60
    rows += [
        (name, dose, share * effects[int(name[4])])
        for name in SMILES for dose, share in ((1.0, 0.6), (10.0, 1.0)) for _ in range(8)
    ]  # fmt: skip
    values = np.stack([mean + 0.4 * generator.normal(size=30) for _, _, mean in rows])
    table = pl.DataFrame({"compound": [row[0] for row in rows], "concentration_um": [row[1] for row in rows]})
    table.with_columns(pl.Series(f"P{column}", values[:, column]) for column in range(30)).write_csv(
        folder / "wells.csv"
    )
    known = {name: text for name, text in SMILES.items() if name != "drug03"} | {"later": "CCCCCCCCN", "broken": "C1CC"}
    pl.DataFrame({"compound": [*known], "smiles": [*known.values()]}).write_csv(folder / "structures.csv")
    yield folder
    patch.undo()


def test_graphs_and_structures_come_back(screen: Path, tmp_path: Path) -> None:
    table = pl.DataFrame({"first": ["A", "B"], "second": ["B", "C"], "weight": [1.0, 2.0]})
    graph = graph_of({EdgeSource("made", "CC0"): table}).over(("A", "B", "C"))
    again = graph_from(graph_arrays(graph))
    assert (again.genes, again.sources) == (graph.genes, graph.sources)
    for name in ("first", "second", "weights", "members"):
        assert np.array_equal(getattr(again, name), getattr(graph, name))
    conditions = Conditions.of([parse_treatment(name) for name in SMILES])
    known = screen_knowledge(
        conditions, graph="StringDB", library=(), smiles=screen / "structures.csv", non_commercial=False, show_progress=False
    )  # fmt: skip
    assert known.graph is None
    assert "broken" not in known.structures
    run = RunFolder.create(tmp_path, "kept", {}, "data")
    write_knowledge(run, known)
    assert read_knowledge(run).hash == known.hash
    clusters = compound_clusters(conditions, known)
    assert len({*clusters.values()}) == len(SMILES)  # chains have no scaffold, and none is another
    assert clusters["drug03"] == "compound drug03"


def test_a_kernel_of_structures_is_chosen_and_answers_for_new_compounds(screen: Path, tmp_path: Path) -> None:
    found = fit_responses(
        screen / "wells.csv", tmp_path, models="global_mean,context_mean,kronecker_ridge", smiles=screen / "structures.csv", **OPTIONS
    )  # fmt: skip
    [choice] = found.choices
    assert choice.model == "kronecker_ridge", choice.verdict
    assert found.without_structure == ("drug03",)
    asked = screen / "asked.csv"
    asked.write_text("compound,dose,unit,smiles\nlater,1,uM,\nother,1,uM,CCCCCCCCCN\ndrug02,-1,uM,\nDMSO,1,uM,\n")
    predicted = predict_responses(found.folder, asked).profiles
    assert predicted.metadata["perturbation"].to_list()[:2] == ["later @ 1 uM", "other @ 1 uM"]
    assert [bool(reason) for reason in predicted.metadata["reason"]] == [False, False, True, True]
    assert predicted.metadata["fallback"][0] == ""
    amines = predict_responses(found.folder, screen / "asked.csv").profiles.values[0]
    measured = FittedRun.open(found.folder)
    row = measured.row("drug15 @ 10 uM", measured.contexts[0])
    assert np.corrcoef(amines, measured.changes[row])[0, 1] > 0.8
    why = explain_response(found.folder, "drug15 @ 10 uM", pathways="none", verify="none", show_progress=False)
    assert why.model == "kronecker_ridge"
    assert "without the 2 conditions" in why.notes[0]


def test_a_network_is_chosen_on_compounds_and_reads_structures_that_are_new(screen: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        'extends = "latent_additive"\nname = "small"\n[model]\nwidth = 16\nhidden = 32\ndropout = 0.0\n[task]\nhidden = 32\ndropout = 0.0\n'
        "[train]\nepochs = 40\nensemble = 1\npatience = 0\nlearning_rate = 5e-3\n"
    )
    with pytest.raises(UsageError, match="by their structures"):
        fit_responses(screen / "wells.csv", tmp_path, models="global_mean", networks=str(recipe), **OPTIONS)
    found = fit_responses(
        screen / "wells.csv", tmp_path, models="global_mean", networks=str(recipe), compounds="gine:tiny",
        smiles=screen / "structures.csv", **OPTIONS,
    )  # fmt: skip
    [choice] = found.choices
    assert "small" in choice.model, choice.verdict
    run = load(found.folder)
    table = pl.DataFrame(
        {"compound": ["other", "nameless"], "smiles": ["CCCCCCCCCN", ""], "dose": [10.0, 10.0], "unit": ["uM", "uM"]}
    )
    answered = run.predict(table)
    assert answered["fallback"][0] == ""
    assert "no structure" in answered["fallback"][1] or choice.model.startswith("global_mean")
    assert run.embed(table.head(1)).shape == (1, 16)


def test_structures_of_genes_and_of_others_are_refused(screen: Path) -> None:
    options = {
        "graph": "",
        "library": (),
        "non_commercial": False,
        "show_progress": False,
        "smiles": screen / "structures.csv",
    }
    with pytest.raises(UsageError, match="screens of compounds"):
        screen_knowledge(Conditions.of_genes("A"), **options)
    with pytest.raises(DataError, match="no structure that can be read"):
        screen_knowledge(Conditions.of([parse_treatment("unknown")]), **options)

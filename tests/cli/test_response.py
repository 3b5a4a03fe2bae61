from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.cells.simulated_response import SimulationConfig, simulate


def test_check(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    values, obs = made_cells(effect=1.5)
    write_cells(tmp_path / "screen.h5ad", values, obs)
    outcome = hooke("response", "check", "screen.h5ad", "-o", "rows.csv")
    assert outcome.code == 0, outcome.err
    assert "column perturbation (guessed)" in outcome.out
    assert "a: evaluable: 5 of 5" in outcome.out
    assert "pearson_delta" in outcome.out
    assert (tmp_path / "rows.csv").read_text().count("\n") == 11
    facts = json.loads(hooke("response", "check", "screen.h5ad", "--json").out)
    assert facts["used"] == len(values)
    assert [each["evaluable"] for each in facts["contexts"]] == [True, True]


def test_what_is_wrong_is_said_in_one_line(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    values, obs = made_cells(cells=4, controls=4)
    path = write_cells(tmp_path / "screen.h5ad", values, obs, log1p=False)
    for arguments, code, text in (
        (("screen.h5ad",), 2, "declare counts, log1p or z-score"),
        (("screen.h5ad", "--scale", "counts"), 3, "not whole numbers"),
        (("screen.h5ad", "--scale", "log"), 2, "unknown scale"),
        (("screen.h5ad", "--scale", "log1p", "--perturbation", "gene"), 2, "unknown perturbation column"),
        (("screen.h5ad", "--scale", "log1p", "--control", "NT"), 3, "no control cell"),
        (("none.h5ad",), 3, "there is no file"),
    ):
        outcome = hooke("response", "check", *arguments)
        assert outcome.code == code
        assert text in outcome.err
        assert outcome.err.strip().count("\n") == 0
    path.write_bytes(path.read_bytes()[:3000])
    outcome = hooke("response", "check", "screen.h5ad", "--scale", "log1p")
    assert outcome.code == 3
    assert "cannot be read as AnnData" in outcome.err


def test_evaluate(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    values, obs = made_cells(effect=1.5)
    write_cells(tmp_path / "screen.h5ad", values, obs)
    shifted = {**obs, "perturbation": ["P1" if name == "P0" else name for name in obs["perturbation"]]}
    write_cells(tmp_path / "other.h5ad", values, shifted)
    outcome = hooke(
        "response",
        "evaluate",
        "--predicted",
        "same=screen.h5ad",
        "--predicted",
        "other.h5ad",
        "--measured",
        "screen.h5ad",
        "-o",
        "scores.csv",
    )
    assert outcome.code == 0, outcome.err
    assert "controls, which are not read" in outcome.out
    assert "other: " in outcome.out
    assert "2 perturbations without a prediction" in outcome.out
    assert (tmp_path / "scores.csv").exists()
    facts = json.loads(
        hooke("response", "evaluate", "--predicted", "screen.h5ad", "--measured", "screen.h5ad", "--json").out
    )
    assert facts["contexts"][0]["ranking"]["mse"][0] == "screen"
    outcome = hooke(
        "response",
        "evaluate",
        "--predicted",
        "a=screen.h5ad",
        "--predicted",
        "a=other.h5ad",
        "--measured",
        "screen.h5ad",
    )
    assert outcome.code == 2
    assert "two files of predictions are called a" in outcome.err


ON_GRAPHS = {"graph_kernel_ridge", "kronecker_ridge"}


def test_fit_and_predict(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    simulated = simulate(SimulationConfig(modules=5, genes_a_module=4, readouts=100, cells=40, controls=120, pairs=12))
    simulated.profiles.write(tmp_path / "screen.h5ad")
    (tmp_path / "edges.csv").write_text(simulated.edges.write_csv())
    (tmp_path / "library.txt").write_text("T900\n")
    given = ("response", "fit", "screen.h5ad", "--scale", "log1p", "--graph", "edges.csv", "--library", "library.txt")
    outcome = hooke(*given)
    assert outcome.code == 0, outcome.err
    assert "weak: not evaluable" in outcome.out
    facts = json.loads(hooke(*given, "--json").out)
    choice = facts["choices"][0]
    assert (choice["kind"], choice["model"] in ON_GRAPHS) == ("unseen perturbation", True)
    assert f"unseen perturbation: {choice['model']}" in outcome.out
    assert "a table for each read-out, at most 20" in choice["skipped"]["signed_low_rank"]
    assert facts["run"] in outcome.out
    (tmp_path / "asked.csv").write_text("perturbation\nT000\nT900\nT001+T002\ncontrol\n")
    outcome = hooke("response", "predict", facts["run"], "asked.csv", "-o", "predicted.h5ad", "--context", "strong")
    assert outcome.code == 0, outcome.err
    assert "a control: there is nothing to predict 1" in outcome.out
    assert (tmp_path / "predicted.h5ad").exists()
    outcome = hooke("response", "predict", facts["run"], "asked.csv", "-o", "predicted.h5ad", "--context", "moon")
    assert outcome.code == 2
    assert "unknown context" in outcome.err


def test_a_library_that_is_no_text_is_said_in_one_line(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "library.txt").write_bytes(b"\xff\xfe\x00")
    outcome = hooke("response", "fit", "screen.h5ad", "--library", "library.txt")
    assert outcome.code == 3
    assert "library.txt" in outcome.err
    assert "a list of genes, one a line" in outcome.err


def test_explain_and_explore_refuse_what_is_no_run(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for arguments in (("explain", "nowhere", "A"), ("explore", "nowhere", "--port", "0")):
        outcome = hooke("response", *arguments)
        assert outcome.code == 3
        assert outcome.err.count("\n") == 1

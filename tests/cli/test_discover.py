"""`hooke discover`, and docs/discovery.md: its commands run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cells.test_acquisition import GENES, library
from tests.cli.conftest import Run, run_page

PAGE = (Path(__file__).parents[2] / "docs" / "discovery.md").read_text(encoding="utf-8")


@pytest.fixture
def files(hooke: Run) -> None:
    made, scores = library()
    Path("genes.csv").write_text("\n".join(["gene", *GENES]))
    edges = [
        f"{made.graph.genes[a]},{made.graph.genes[b]}" for a, b in zip(made.graph.first, made.graph.second, strict=True)
    ]
    Path("edges.csv").write_text("\n".join(["entity1,entity2", *edges]))
    rows = [f"{gene},{score}" for gene, score in zip(GENES, scores, strict=True)]
    Path("screen.csv").write_text("\n".join(["gene,score", *rows]))
    Path("measured.csv").write_text("\n".join(["gene,score", *rows[::4]]))


@pytest.mark.usefixtures("files")
def test_the_page(hooke: Run) -> None:
    first, second = run_page(hooke, PAGE)
    assert "round          1" in first.out
    assert "round          2" in second.out
    assert "picks.csv: 20 picks" in second.out
    assert Path("campaign/state.json").exists()
    assert all(
        f"| `{name}`" in PAGE or f"`{name}`" in PAGE
        for name in ("graph", "transfer", "combined", "thompson", "core_set", "auto")
    )


@pytest.mark.usefixtures("files")
def test_json_and_simulation(hooke: Run) -> None:
    asked = (
        "discover",
        "next",
        "measured.csv",
        "--library",
        "genes.csv",
        "-o",
        "picks.csv",
        "--graph",
        "edges.csv",
        "--batch",
        5,
        "--json",
    )
    outcome = hooke(*asked)
    assert json.loads(outcome.out)["picks"] == 5
    assert hooke(*asked).out == outcome.out
    asked = ("discover", "simulate", "screen.csv", "--graph", "edges.csv", "--batch", 6, "--rounds", 2, "--seeds", 2)
    outcome = hooke(*asked)
    assert "ratio to chance" in outcome.out
    assert "of what the best fixed policy finds in hindsight" in outcome.out
    assert json.loads(hooke(*asked, "--json").out)["policies"].keys() == {"random", "graph", "auto"}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("next", "measured.csv", "--library", "nothing.csv", "-o", "p.csv"), 3, "nothing.csv does not exist"),
        (("next", "--library", "genes.csv", "-o", "p.csv", "--policy", "grahp"), 2, "Did you mean 'graph'"),
        (("next", "--library", "genes.csv", "-o", "p.csv", "--policy", "transfer"), 2, "needs earlier screens"),
        (("next", "--library", "genes.csv", "-o", "p.csv", "--must", "NOBODY"), 2, "NOBODY must be picked"),
        (("simulate", "ifgn"), 2, "Did you mean 'ifng'"),
        (("simulate", "screen.csv", "--batch", "500"), 2, "larger than the library"),
        (("simulate", "ifng", "--same-study", "screen.csv"), 2, "--same-study belongs to tables of your own"),
    ],
)
def test_refusals(hooke: Run, arguments: tuple[str, ...], code: int, message: str) -> None:
    outcome = hooke("discover", *arguments, "--graph", "edges.csv")
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_target(hooke: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import polars as pl

    from hooke.workflows import discovery_target

    picks = pl.DataFrame(
        {"rank": [1], "perturbation": ["A+B"], "context": [""], "reached": [0.5], "alignment": [0.8], "p": [0.01], "kind": ["new"],
         "model": ["made"], "reason": [""]}
    )  # fmt: skip
    found = discovery_target.TargetPicks(
        picks, 3, {"a control: there is nothing to predict": 2}, 40, ("X",), tmp_path / "picks.csv"
    )
    monkeypatch.setattr(discovery_target, "toward_target", lambda *_, **__: found)
    asked = ("discover", "target", "run", "target.csv", "--library", "genes.csv", "-o", "picks.csv")
    shown = hooke(*asked)
    assert shown.code == 0, shown.err
    assert "A+B" in shown.out
    assert "40 of the target, 1 unknown" in shown.out
    assert json.loads(hooke(*asked, "--json").out)["left_out"] == {"a control: there is nothing to predict": 2}
    monkeypatch.undo()
    assert hooke(*asked).code == 3

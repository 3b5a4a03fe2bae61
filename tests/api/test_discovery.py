from __future__ import annotations

from pathlib import Path

import pytest
from tests.cells.test_acquisition import GENES, library

import hooke
from hooke.api import discovery
from hooke.core.errors import UnknownNameError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made, scores = library()
    (tmp_path / "genes.csv").write_text("\n".join(["gene", *GENES]))
    edges = [
        f"{made.graph.genes[a]},{made.graph.genes[b]}" for a, b in zip(made.graph.first, made.graph.second, strict=True)
    ]
    (tmp_path / "edges.csv").write_text("\n".join(["entity1,entity2", *edges]))
    rows = [f"{gene},{score}" for gene, score in zip(GENES, scores, strict=True)]
    (tmp_path / "screen.csv").write_text("\n".join(["gene,score", *rows]))
    (tmp_path / "measured.csv").write_text("\n".join(["gene,score", *rows[::4]]))
    (tmp_path / "essential.csv").write_text("gene\nG001\nG002\n")
    return tmp_path


def test_next_experiments(folder: Path) -> None:
    given = {
        "batch": 10,
        "state": folder / "state",
        "graph": [str(folder / "edges.csv")],
        "exclude": folder / "essential.csv",
    }
    found = hooke.next_experiments(
        folder / "measured.csv", folder / "genes.csv", folder / "picks.csv", same_study=[folder / "screen.csv"], **given
    )
    assert found.picks.height == 10
    assert not {*found.picks["gene"]} & {"G001", "G002"}
    assert (folder / "picks.csv").read_text().count("\n") == 11
    assert discovery.summary_of(found)["same_study"] == ["screen"]
    with pytest.raises(UsageError, match=r"\.csv"):
        hooke.next_experiments(None, folder / "genes.csv", folder / "picks.xlsx", **given)


def test_simulate_discovery(folder: Path) -> None:
    edges = [str(folder / "edges.csv")]
    found = hooke.simulate_discovery(
        folder / "screen.csv", batch=6, rounds=2, seeds=2, graph=edges, runs=folder / "runs", show_progress=False
    )
    assert found.loop.policies == ("random", "graph", "auto")
    assert found.file.with_suffix(".html").exists()
    with pytest.raises(UnknownNameError, match="choice of earlier screens"):
        hooke.simulate_discovery("ifng", priors="some", graph=edges, runs=folder / "runs")
    with pytest.raises(UsageError, match="not a suite of discovery"):
        hooke.run_discovery("responses")
    with pytest.raises(UnknownNameError, match="screen of discovery"):
        hooke.run_discovery(screens=["ifgn"])

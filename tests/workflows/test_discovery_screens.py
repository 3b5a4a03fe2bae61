from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.cells.test_acquisition import GENES, library

from hooke.cells.graph import known_graph
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.datasets.discovery_screens import Config, Dataset
from hooke.report.schema import Report
from hooke.workflows.discovery_screens import known_or_default, read_priors, suite_screen, table_screen, write_curves
from hooke.workflows.discovery_simulation import Loop, simulate


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    _, scores = library()
    for name, values in (("mine", scores), ("earlier", scores + 0.5)):
        rows = [f"{gene},{value}" for gene, value in zip(GENES, values, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["gene,score", *rows]))
    return tmp_path / "mine.csv", tmp_path / "earlier.csv"


def test_tables_of_ones_own(tables: tuple[Path, Path]) -> None:
    mine, earlier = tables
    made, scores = library()
    screen = table_screen(mine, made.graph, [], [earlier])
    assert screen.name == "mine"
    assert np.allclose(screen.scores, scores)
    assert [(prior.name, prior.same_study) for prior in screen.library.priors] == [("earlier", True)]
    assert read_priors([earlier]).keys() == {"earlier"}
    with pytest.raises(UsageError, match="two earlier screens are called earlier"):
        read_priors([earlier, earlier])
    with pytest.raises(DataError, match="does not exist"):
        table_screen(mine.with_name("nothing.csv"), made.graph, [])


def test_screens_of_the_suite_know_their_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dataset, "prepare", lambda self, folder, how: Dataset(Config()).twin(tmp_path))
    made, _ = library()
    screen = suite_screen("ifng", made.graph, "all", False)
    assert [(prior.name, prior.same_study) for prior in screen.library.priors][:1] == [("il2", True)]
    assert len(screen.library.priors) == 4
    assert [prior.name for prior in suite_screen("ifng", made.graph, "others", False).library.priors] == [
        "sanchez21", "sanchez21_down", "sars_cov_2"
    ]  # fmt: skip
    assert not suite_screen("ifng", made.graph, "none", False).library.priors
    with pytest.raises(UnknownNameError, match="Did you mean 'ifng'"):
        suite_screen("ifg", made.graph, "none", False)


def test_the_page_draws_every_curve(tables: tuple[Path, Path], tmp_path: Path) -> None:
    made, _ = library()
    loop = Loop(batch=6, rounds=3, seeds=2, policies=("random", "graph"))
    found = simulate(table_screen(tables[0], made.graph, []), loop, tmp_path / "runs", show_progress=False)
    report = Report.read(write_curves(found).with_suffix(".report.json"))
    assert [curve.name for curve in report.training[0].curves] == ["random", "graph", "chance", "oracle"]
    assert "times chance" in report.summary.verdict


def test_edges_of_ones_own_stand_for_the_graph(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text("entity1,entity2\nA,B\n")
    assert known_or_default([str(path)], False, False).genes == known_graph(str(path)).genes == ("A", "B")


@pytest.mark.mirror
def test_figures_on_the_real_screens(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ratios to chance of two seeds, below those that ten seeds reach (LOG.md) by their spread."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    graph = known_graph(show_progress=False)
    for name, priors, policy, least in (
        ("il2", "none", "graph", 3.0),
        ("ifng", "all", "transfer", 4.2),
        ("sanchez21", "all", "auto", 2.0),
    ):
        loop = Loop(seeds=2, policies=(policy,))
        found = simulate(suite_screen(name, graph, priors, False), loop, tmp_path / "runs", show_progress=False)
        assert found.ratio(policy) > least, name

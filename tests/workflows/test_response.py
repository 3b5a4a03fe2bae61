from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.cells.profiles import Profiles
from hooke.core.errors import UnknownNameError, UsageError
from hooke.workflows.response import check_screen


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    if request.node.get_closest_marker("mirror") is None:
        monkeypatch.setattr("hooke.workflows.response.RANGE_DRAWS", 3)


def test_a_check_says_what_a_screen_can_teach(tmp_path: Path) -> None:
    values, obs = made_cells(effect=1.5)
    values[3] = 0
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    check = check_screen(path, tmp_path / "rows.csv", show_progress=False)
    assert [each.name for each in check.contexts] == ["a", "b"]
    assert check.used + sum(check.left_out.values()) == check.cells == len(values)
    found = check.context("a")
    assert found.verdict.startswith("evaluable: 5 of 5 perturbations")
    assert found.doubles == ("P0+P1",)
    assert "one control shared" in found.warning
    rows = pl.read_csv(tmp_path / "rows.csv")
    assert len(rows) == 10
    assert rows.filter(context="a")["evaluable"].all()
    assert set(check.to_json()["contexts"][0]) >= {
        "verdict",
        "r_half",
        "null_band",
        "metrics",
        "additive",
        "rows",
        "solved",
        "resistant",
    }


def test_differential_genes_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    values, obs = made_cells(effect=1.5, cells=60)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    check_screen(path, differential=tmp_path / "genes.parquet", show_progress=False)
    table = pl.read_parquet(tmp_path / "genes.parquet")
    assert (table["adjusted"] <= 0.05).all()
    assert (table["adjusted"] >= table["p_value"]).all()
    found = set(table.filter(context="a", perturbation="P2")["gene"])
    assert {f"G{number}" for number in range(2, 40, 5)} <= found
    assert (table.filter(context="a", perturbation="P2", gene="G2")["change"] > 0.5).all()


def test_without_effects_nothing_is_evaluable_and_the_remedy_is_named(tmp_path: Path) -> None:
    values, obs = made_cells(effect=0.0)
    check = check_screen(write_cells(tmp_path / "cells.h5ad", values, obs), show_progress=False)
    for each in check.contexts:
        assert each.verdict.startswith("not evaluable: ")
        assert "times the cells and controls" in each.verdict or "no number of cells can be named" in each.verdict


def test_one_cell_is_named_and_not_scored(tmp_path: Path) -> None:
    values, obs = made_cells()
    kept = [row for row, name in enumerate(obs["perturbation"]) if name != "P3"]
    kept.append(obs["perturbation"].index("P3"))
    obs = {name: [column[row] for row in kept] for name, column in obs.items()}
    check = check_screen(
        write_cells(tmp_path / "cells.h5ad", values[kept], obs), tmp_path / "rows.parquet", show_progress=False
    )
    row = pl.read_parquet(tmp_path / "rows.parquet").filter(perturbation="P3").row(0, named=True)
    assert (row["cells"], row["evaluable"], row["reason"]) == (1, False, "fewer than two cells")
    assert check.used == len(kept)


def test_the_same_check_twice_is_the_same(tmp_path: Path) -> None:
    values, obs = made_cells()
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    first = check_screen(path, show_progress=False).to_json()
    assert list((tmp_path / "cache" / "screens").iterdir())
    second = check_screen(path, show_progress=False).to_json()
    np.testing.assert_equal(first, second)
    other = check_screen(path, seed=1, show_progress=False).to_json()
    assert other["contexts"][0]["r_half"] != first["contexts"][0]["r_half"]


def test_options_that_are_none_are_refused(tmp_path: Path) -> None:
    values, obs = made_cells(cells=4, controls=4)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    with pytest.raises(UsageError, match="40 draws or more"):
        check_screen(path, draws=5)
    with pytest.raises(UnknownNameError, match="perturbation"):
        check_screen(path, perturbations="x")
    with pytest.raises(UsageError, match="must end in"):
        check_screen(path, tmp_path / "rows.txt")
    with pytest.raises(UsageError, match="target sum"):
        check_screen(path, target_sum=1e4)


def test_tables_of_wells_are_screens_of_compounds_with_doses(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    names = np.repeat(["DMSO", "abc", "def"], 24)
    shift = {"DMSO": np.zeros(30), "abc": generator.normal(size=30), "def": generator.normal(size=30)}
    values = np.stack([shift[name] + 0.3 * generator.normal(size=30) for name in names])
    metadata = pl.DataFrame(
        {
            "compound": names.tolist(),
            "control": ["negative" if name == "DMSO" else "" for name in names],
            "concentration_um": [None if name == "DMSO" else (1.0, 10.0)[row % 2] for row, name in enumerate(names)],
            "plate": ["p1", "p1", "p2", "p2"] * 18,
        }
    )
    Profiles(values, metadata, tuple(f"f{number}" for number in range(30))).write(tmp_path / "wells.parquet")
    check = check_screen(tmp_path / "wells.parquet", scale="z-score", show_progress=False)
    [found] = check.contexts
    assert found.perturbations == ("abc @ 1 uM", "abc @ 10 uM", "def @ 1 uM", "def @ 10 uM")
    assert found.verdict.startswith("evaluable: 4 of 4")
    assert check.said["dose"] == "column concentration_um (guessed)"


@pytest.mark.mirror
def test_the_small_real_screen(mirror: Path) -> None:
    """Acceptance: K562 can be evaluated, three glioblastoma lines cannot; which metrics see; what a shared control pretends."""
    check = check_screen(mirror / "perturbation" / "perturbench_devel.h5ad", show_progress=False)
    k562 = check.context("k562")
    assert k562.ceiling.is_evaluable
    assert k562.ceiling.evaluable.sum() >= 18
    assert 0.60 <= k562.ceiling.interval.value <= 0.72
    for line in ("A172", "T98G", "U87MG"):
        assert "not evaluable" in check.context(line).verdict
        assert check.context(line).ceiling.interval.value < 0.10
    ranges = {each.metric: each for each in k562.ranges}
    for name in ("weighted_mse", "discrimination", "pearson_delta"):
        assert ranges[name].fraction >= 0.5
    assert len(k562.doubles) == 5
    assert k562.additive is not None
    assert 0.55 <= k562.additive.disjoint.mean() <= 0.75
    assert k562.additive.shared.mean() == pytest.approx(0.87, abs=0.01)
    assert "would show 0.87" in k562.warning

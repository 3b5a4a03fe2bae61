"""Grids are checked before anything runs; a study trains each point and seed once, survives kills and records failures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from hooke.core.errors import HookeError, UsageError
from hooke.core.runs import RunFolder
from hooke.molecules.tables.twins import write_twin_table
from hooke.report.provenance import to_toml
from hooke.studies import scaling
from hooke.studies.scaling import Study, geometric_mean, probed_errors, read_grid, run_study, tried
from hooke.train import fit as training
from hooke.train.measure import errors_on_test

GRID = """
[width]
"model.width" = [8, 16]
"model.edge_width" = [4, 8]

[molecules]
"data.split.train_share" = [0.5, 1.0]
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=80)
    base = {
        "data": {"name": "csv", "path": str(table), "split": {"fractions": [0.6, 0.2, 0.2]}},
        "model": {"name": "gine", "preset": "tiny", "width": 16, "edge_width": 8, "depth": 1},
        "train": {"epochs": 1, "batch_size": 32, "threads": 1, "accelerator": "cpu"},
    }
    (tmp_path / "base.toml").write_text(to_toml(base))
    (tmp_path / "grid.toml").write_text(GRID)
    grid = read_grid(tmp_path / "grid.toml")
    return Study(str(tmp_path / "base.toml"), (), grid, seeds=2, runs=tmp_path / "runs")


def test_a_study_from_start_to_end(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = run_study(study)
    assert [(trial.overrides[0], trial.seed) for trial in trials[:2]] == [("model.width=8", 0), ("model.width=16", 0)]
    assert len(trials) == 8
    assert not study.missing()
    assert all(0 < trial.error < 20 and trial.parameters and Path(trial.run).is_dir() for trial in trials)
    assert {trial.molecules for trial in trials} == {24, 48}
    same = [
        trial.run
        for trial in trials
        if trial.overrides in (("model.width=16", "model.edge_width=8"), ("data.split.train_share=1.0",))
    ]
    assert len(set(same)) == 2  # the base point is trained once a seed
    monkeypatch.setattr(training, "fit", None)
    assert run_study(study) == trials


def test_ctrl_c_loses_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = scaling.tried, []

    def until_the_third(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scaling.Trial(arguments[1], arguments[2], error=1.0)

    monkeypatch.setattr(scaling, "tried", until_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_study(study)
    assert len(study.trials()) == 2
    with study.file.open("a") as file:
        file.write('{"overrides": ["mod')  # cut off by a kill
    run_study(study)
    assert len(calls) == 9
    assert len(study.trials()) == 8
    assert all(json.loads(line) for line in study.file.read_text().splitlines())
    assert real is tried


def test_failures_are_recorded_and_tried_again(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise HookeError("the loss is nan")

    monkeypatch.setattr(training, "fit", broken)
    trials = run_study(study)
    assert {trial.reason for trial in trials} == {"the loss is nan"}
    assert math.isnan(trials[0].error)
    assert math.isnan(trials[0].probed_error)
    assert len(study.missing()) == 8


def test_probes(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(Path(tried(study, ("model.width=8",), 0).run))

    class Dataset:
        def __init__(self, config: Any) -> None: ...

        def prepare(self, *arguments: Any, **options: Any) -> Any:
            from hooke.train.fit import prepare

            larger = write_twin_table(tmp_path / "larger.csv", seed=1, rows=300)
            return prepare(study.at((f"data.path={larger}",)), show_progress=False)

    monkeypatch.setattr("hooke.datasets.moleculenet.Dataset", Dataset)
    found = probed_errors(run, "moleculenet:esol")
    assert found
    assert all(name.startswith("esol/") and value > 0 for name, value in found.items())
    assert set(errors_on_test(run)) >= {name.removeprefix("esol/") for name in found}


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0, math.nan]) == pytest.approx(1.0)
    assert geometric_mean([0.0]) == pytest.approx(1e-3)
    assert math.isnan(geometric_mean([]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[width", "cannot be read as a grid"),
        ("", "names no factor"),
        ('probes = "esol"', "probes must be a list"),
        ("width = 3", "must be a table of lists"),
        ('[tables]\n"data.tables" = [["a"], ["b"]]', "say what is drawn across"),
        ('[width]\n"model.width" = [8, 16]\n"model.depth" = [1]', "one length"),
        ('[width]\n"model.width" = [16, 8]', "sizes must rise"),
    ],
)
def test_wrong_grids(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "grid.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_grid(tmp_path / "grid.toml")


def test_sizes_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text('[tables]\n"data.tables" = [["a"], ["a", "b"]]\nsizes = [1, 2]')
    [factor] = read_grid(tmp_path / "grid.toml").factors
    assert factor.sizes == (1.0, 2.0)
    assert factor.overrides(1) == ('data.tables=["a", "b"]',)


def test_points_are_checked_before_anything_runs(study: Study, tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text('[width]\n"model.with" = [8, 16]')
    with pytest.raises(UsageError, match=r"model\.width"):
        run_study(Study(study.recipe, (), read_grid(tmp_path / "grid.toml"), runs=study.runs))
    (tmp_path / "grid.toml").write_text('probes = ["esol"]\n[width]\n"model.width" = [8, 16]')
    with pytest.raises(UsageError, match="moleculenet:esol"):
        run_study(Study(study.recipe, (), read_grid(tmp_path / "grid.toml"), runs=study.runs))

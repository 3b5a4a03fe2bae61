"""Curves, exponents only from five sizes on, improvements paired over seeds, tables on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.studies.scaling import Factor, Grid, Study, Trial
from hooke.studies.scaling_report import _summary
from hooke.studies.scaling_result import ScalingResult

WIDTHS = (8, 16, 32, 64, 128)


def study_of(runs: Path) -> ScalingResult:
    factors = (
        Factor("width", {"model.width": WIDTHS}, tuple(map(float, WIDTHS))),
        Factor("depth", {"model.depth": (1, 2, 4)}, (1.0, 2.0, 4.0)),
        Factor("never", {"model.dropout": (0.1,)}, (0.1,)),
    )
    generator = np.random.default_rng(0)
    trials = []
    for factor in factors[:2]:
        for place, size in enumerate(factor.sizes):
            for seed in range(3):
                error = float(size**-0.2 * np.exp(generator.normal(0, 0.01)))
                probed = {"esol/logp": 2 * error} if factor.name == "width" else {}
                trials.append(Trial(factor.overrides(place), seed, error, probed, 100 * int(size), 50, 1.0, "run"))
    trials[-1] = Trial(trials[-1].overrides, 2, reason="the loss is nan")
    return ScalingResult(Study("tiny_gine", (), Grid(factors), 3, runs), tuple(trials))


def test_curves_and_laws(tmp_path: Path) -> None:
    result = study_of(tmp_path)
    assert [(curve.factor, curve.measure) for curve in result.curves] == [
        ("width", "test"), ("depth", "test"), ("width", "probe"),
    ]  # fmt: skip
    width, depth, probed = result.curves
    simple, floor = width.laws
    assert simple.exponent.value == pytest.approx(0.2, abs=0.01)
    assert 0.18 < simple.exponent.low < simple.exponent.high < 0.22
    assert floor.form == "floor"
    assert width.law in width.laws
    assert depth.laws == ()
    assert depth.law is None
    assert probed.laws[0].scale.value == pytest.approx(2 * simple.scale.value)
    assert width.improvement.value == pytest.approx(1 - 16**-0.2, abs=0.02)
    assert width.improvement.low < width.improvement.value < width.improvement.high
    assert depth.mean(0).value == pytest.approx(1, abs=0.05)
    assert len(depth.errors[-1]) == 2
    assert len(result.failures) == 1


def test_tables(tmp_path: Path) -> None:
    result = study_of(tmp_path)
    header, lines = result.table()
    assert len(header) == len(lines[0]) == 10
    assert "fewer than 5 sizes" in lines[1][7]
    csv, parquet = result.write_tables()
    frame = pl.read_parquet(parquet)
    assert len(frame) == len(result.trials) == len(pl.read_csv(csv))
    assert set(frame["factor"]) == {"width", "depth"}
    said = result.to_json()
    assert (said["trainings"], said["failed"], len(said["curves"])) == (24, 1, 3)
    assert [law["form"] for law in said["curves"][0]["laws"]] == ["simple", "floor"]


def test_no_common_seed_no_improvement(tmp_path: Path) -> None:
    result = study_of(tmp_path)
    some = [trial for trial in result.trials if (trial.seed == 0) == (trial.overrides == ("model.depth=1",))]
    depth = next(curve for curve in ScalingResult(result.study, tuple(some)).curves if curve.factor == "depth")
    assert np.isnan(depth.improvement.value)
    assert depth.to_json()["improvement"] == {"value": None, "low": None, "high": None}


def test_errors_of_other_labels_are_not_compared(tmp_path: Path) -> None:
    factor = Factor("diversity", {"data.tables": (["a"], ["a", "b"])}, (1.0, 2.0))
    trials = [
        Trial(factor.overrides(place), seed, 0.1 + place, {"esol/logp": 1.0 - 0.1 * place}, labels=1 + place)
        for place in range(2)
        for seed in range(2)
    ]
    result = ScalingResult(Study("tiny_gine", (), Grid((factor,), ("moleculenet:esol",)), 2, tmp_path), tuple(trials))
    assert result.changing_labels == ("diversity",)
    assert [curve.measure for curve in result.curves] == ["probe"]
    assert result.to_json()["changing_labels"] == ["diversity"]
    assert any("diversity: its sizes have other labels" in line for line in _summary(result).caveats)

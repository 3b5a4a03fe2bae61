"""The page of a study: improvement by factor, one panel a curve, laws in words, caveats."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.power_law import PowerLaw
from hooke.report.schema import Report
from hooke.studies.scaling_report import formula, write_scaling_report
from hooke.studies.scaling_result import ScalingResult

from .test_scaling_result import study_of


def test_the_page(tmp_path: Path) -> None:
    result = study_of(tmp_path)
    page = write_scaling_report(result, command="hooke scale tiny_gine grid.toml")
    text = page.read_text()
    assert "Improvement by factor" in text
    assert "hooke scale tiny_gine grid.toml" in text
    report = Report.read(result.study.file.with_suffix(".report.json"))
    assert [len(panel.lines) for panel in report.sweeps] == [2, 1, 1, 1, 1]
    width = report.sweeps[2].lines[0]
    assert width.law.startswith("1.0")
    assert len(width.law_x) == 40
    assert "fewer than 5" in report.sweeps[3].note
    assert report.summary.verdict.startswith("Of the factors within their ranges, width takes most")
    assert any("1 trainings failed" in caveat for caveat in report.summary.caveats)
    assert any("missing" in caveat for caveat in report.summary.caveats)


def test_nothing_measured(tmp_path: Path) -> None:
    result = ScalingResult(study_of(tmp_path).study, ())
    assert "No factor was measured" in write_scaling_report(result).read_text()


def test_formulas() -> None:
    sure = Interval(0.0, 0.0, 0.0)
    law = PowerLaw(Interval(0.81, 0.8, 0.9), Interval(0.12, 0.10, 0.14), sure, 0.0, 0.0)
    assert formula(law) == "0.81 x^−0.12 [0.10, 0.14]"
    one_seed = replace(law, exponent=Interval(law.exponent.value, math.nan, math.nan))
    assert formula(one_seed) == "0.81 x^−0.12"
    risen = PowerLaw(law.scale, Interval(-0.12, -0.14, -0.10), Interval(0.3, 0.2, 0.4), 0.0, 0.0)
    assert formula(risen) == "0.81 x^0.12 [−0.14, −0.10] + 0.30"

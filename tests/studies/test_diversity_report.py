"""The page says what was decided, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.modalities.atoms.frame_errors import FORCE_ERROR
from hooke.report.schema import Report
from hooke.studies.diversity import KINDS, MEASURES, DiversityResult, DiversityStudy, DiversityTrial
from hooke.studies.diversity_report import write_diversity_report
from hooke.suites import DiversitySuite

SUITE = DiversitySuite("small_study", "A small study", "diversity_potential", ((8, 1), (4, 2)), 4, (1, 2))


def result(folder: Path, gap: float, draw: int = 3) -> DiversityResult:
    """Errors of twelve molecules around 0.2 eV/Å; with two conformations lower by the gap on seen molecules, larger on unseen ones."""
    trials, generator = [], np.random.default_rng(draw)
    for seed in range(3):
        for point in SUITE.points:
            signs = dict(zip(KINDS, (-1, 1, 1, 0), strict=True))
            errors = {
                kind: {
                    f"m{number}": 0.2 + signs[kind] * gap * (point[1] == 2) + 0.01 * generator.normal()
                    for number in range(12)
                }
                for kind in KINDS
            }
            trials.append(DiversityTrial(*point, seed, 8, dict.fromkeys(MEASURES, errors), run="r"))
    return DiversityResult(DiversityStudy(SUITE, ("data.path=x.extxyz",), 3, folder), tuple(trials))


def test_the_verdict_is_what_intervals_allow(tmp_path: Path) -> None:
    page = write_diversity_report(result(tmp_path, 0.05), command="hooke scale small_study")
    text = Report.read(page.with_suffix(".report.json")).summary.verdict
    assert "lower force errors on seen frames by -49" in text
    assert "raise force errors on unseen frames by +" in text
    assert "larger frames by" in text
    assert "which is not decided" in text
    report = Report.read(page.with_suffix(".report.json"))
    assert {found.outcome for found in report.differences if found.task.startswith("seen")} == {"better"}
    assert len(report.sweeps) == 4
    assert "seen, about 8 frames" in page.read_text()


def test_little_is_decided_where_nothing_differs(tmp_path: Path) -> None:
    decided = [
        found.decided
        for draw in range(10)
        for kind in KINDS
        for found in [result(tmp_path, 0.0, draw).difference(SUITE.budget, FORCE_ERROR, kind)]
    ]
    assert np.mean(decided) <= 0.15

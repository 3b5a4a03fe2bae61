from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.report.schema import FORMAT, Difference, EmbeddingMap, Estimate, Report, Summary


def test_a_full_report_comes_back_from_its_json(report: Report) -> None:
    once = Report.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False)))
    assert Report.from_json(once.to_json()) == once  # six digits are kept, then nothing changes any more
    assert once.summary == report.summary
    assert once.molecules == report.molecules
    assert once.differences[0].outcome == "better"


def test_numbers_become_plain_and_unknown_ones_none() -> None:
    found = Report(
        "t",
        Summary("v"),
        differences=(
            Difference(
                "a",
                "b",
                "task",
                "rmse",
                "lower",
                Estimate(np.float32(0.123456789), float("nan"), np.inf),
                pairs=np.int64(3),
            ),
        ),
    ).to_json()
    assert found["format"] == FORMAT
    assert found["differences"][0]["estimate"] == {"value": 0.123457, "low": None, "high": None}
    assert found["differences"][0]["pairs"] == 3


@pytest.mark.parametrize(
    ("low", "high", "direction", "outcome"),
    [
        (-2, -1, "lower", "better"),
        (-2, -1, "higher", "worse"),
        (1, 2, "higher", "better"),
        (1, 2, "lower", "worse"),
        (-1, 1, "lower", "undecided"),
        (0, 1, "lower", "undecided"),
        (None, None, "lower", "undecided"),
    ],
)
def test_a_difference_is_decided_only_when_its_interval_leaves_zero_out(
    low: float | None, high: float | None, direction: str, outcome: str
) -> None:
    low, high = (None if bound is None else float(bound) for bound in (low, high))
    assert Difference("a", "b", "t", "m", direction, Estimate(0.0, low, high)).outcome == outcome


def test_a_file_is_written_and_read(report: Report, tmp_path: Path) -> None:
    path = report.write(tmp_path / "new" / "report.json")
    assert Report.read(path).title == report.title


def test_what_is_no_report_is_refused_with_the_reason(report: Report, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no"):
        Report.read(tmp_path / "report.json")
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        Report.read(tmp_path / "report.json")
    with pytest.raises(DataError, match="names no format"):
        Report.from_json({"title": "x"})
    with pytest.raises(DataError, match="format 99"):
        Report.from_json({"format": 99})
    with pytest.raises(DataError, match=r"summary\.outcome"):
        Report.from_json({"format": FORMAT, "title": "x", "summary": {"verdict": "v", "outcome": "great"}})
    broken = replace(report, molecules=())
    with pytest.raises(DataError, match="holds 0"):
        Report.from_json(broken.to_json())


def test_negative_molecule_numbers_are_refused() -> None:
    report = Report("t", Summary("v"), maps=(EmbeddingMap("m", "pca", (0.0,), (0.0,), (-1,)),))
    with pytest.raises(DataError, match="holds 0"):
        Report.from_json(report.to_json())

"""From a simulated screen to a map, small; a second call does nothing again."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.cells.profiles import Profiles
from hooke.evaluate.bootstrap import Interval
from hooke.report import build
from hooke.report.schema import Difference, Report
from hooke.studies.quickstart_images import (
    FEATURES,
    HEADLINE,
    METHODS,
    PRETRAINED,
    RANDOM,
    SHIPPED,
    TUNED,
    outcome_of,
    quickstart_images,
)  # fmt: skip

SMALL = (
    "data.size=32", "data.tile=32", "data.modules=6", "data.genes_per_module=4", "data.lone_genes=0", "data.inactive_genes=1",
    "data.guides=1", "data.experiments=2", "data.coverage=1.0", "data.controls=8", "data.sites=1", "model.width=16",
    "model.depth=1", "train.epochs=1", "train.threads=1", "train.accelerator=cpu",
)  # fmt: skip


def test_the_whole_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skimage", reason="scikit-image is missing")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    result = quickstart_images(tmp_path / "runs", overrides=SMALL, workers=0, show_progress=False)
    assert list(result.table.recalls) == [TUNED, SHIPPED, PRETRAINED, RANDOM, FEATURES]
    assert list(result.table.recalls[TUNED]) == list(METHODS)
    for shown in ("chance 0.10", "hand-crafted", "hooke map explore", "hooke fit own_images", "report.html"):
        assert shown in result.summary()
    report = Report.read(result.folder / "report.json")
    assert [table.title for table in report.results] == ["Recall of true relations"]
    assert len(report.differences) == 5
    assert len(report.pictures) == 2
    assert f"After {HEADLINE}" in report.summary.verdict
    assert "simulated" in report.summary.caveats[0]
    assert {"entity", "layout_x"} <= set(Profiles.read(result.map).metadata.columns)
    assert set(result.to_json()["table"]) == {TUNED, SHIPPED, PRETRAINED, RANDOM, FEATURES}
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("wells*.parquet")}
    assert len(before) == 4
    quickstart_images(tmp_path / "runs", overrides=SMALL, workers=0, show_progress=False)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("wells*.parquet")} == before
    assert len(list((tmp_path / "runs" / "screen_wsl").iterdir())) == 1


def difference_from(second: str, low: float, high: float) -> Difference:
    return build.difference(
        TUNED, second, "after sphering", "recall", Interval((low + high) / 2, low, high), higher_is_better=True, pairs=10,
        paired_over="genes",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uncorrected", "features", "above", "expected"),
    [
        ((0.1, 0.2), (0.1, 0.2), True, "better"),
        ((-0.1, 0.2), (0.1, 0.2), True, "undecided"),
        ((0.1, 0.2), (-0.1, 0.2), True, "undecided"),
        ((0.1, 0.2), (-0.3, -0.1), True, "worse"),
        ((0.1, 0.2), (0.1, 0.2), False, "worse"),
    ],
)
def test_only_a_decided_lead_over_both_is_better(
    uncorrected: tuple[float, float], features: tuple[float, float], above: bool, expected: str
) -> None:
    found = (
        difference_from(f"{TUNED}, uncorrected", *uncorrected),
        difference_from(FEATURES, *features),
        difference_from(RANDOM, 0.2, 0.3),
    )
    assert outcome_of(found, above_chance=above) == expected

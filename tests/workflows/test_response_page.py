from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tests.cells.conftest import noise

from hooke.core.runs import RunFolder
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.ceilings import ceilings
from hooke.workflows.response_fit import Choice
from hooke.workflows.response_page import write_page


def test_the_page_says_what_was_chosen_and_what_the_screen_can_teach(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "response", {}, "0")
    found = ceilings(noise(0, effect=0.3))
    scores = {"graph_kernel_ridge": Interval(0.5, 0.4, 0.6), "global_mean": Interval(0.2, 0.1, 0.3)}
    choice = Choice(
        "unseen perturbation",
        "graph_kernel_ridge",
        False,
        scores,
        "global_mean",
        Interval(0.3, 0.2, 0.4),
        20,
        skipped={"additive": "too few"},
        verdict="the graph wins",
    )
    alone = Choice(
        "unseen context",
        "global_mean",
        True,
        {"global_mean": Interval(0.2, 0.1, 0.3)},
        "global_mean",
        Interval(np.nan, np.nan, np.nan),
        9,
        verdict="a baseline wins",
    )
    page = write_page(run, "screen.h5ad", [choice, alone], {"k562": "evaluable: 20 of 20"}, found)
    text = page.read_text(encoding="utf-8")
    for wanted in (
        "the graph wins",
        "a baseline wins",
        "evaluable: 20 of 20",
        "graph kernel ridge",
        "disjoint halves",
        "additive was not fitted: too few",
    ):
        assert wanted in text.lower()
    report = json.loads((run.folder / "report.json").read_text())
    assert len(report["results"]) == 3
    assert len(report["differences"]) == 1

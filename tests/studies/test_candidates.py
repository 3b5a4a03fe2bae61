"""What an automatic run says of its candidates, in the terminal, the table of the report and the comparison of test rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.inference.blend import BLEND
from hooke.studies.candidates import candidate_predictions, candidate_table, choice_lines, chosen_name
from hooke.train.automatic import CANDIDATE_PREDICTIONS

LABELS = (Label("t_half", unit="h"), Label("active", kind="binary"))


def entry(
    name: str, status: str, errors: list[float | None], weights: list[float], **more: object
) -> dict[str, object]:
    return {
        "name": name,
        "status": status,
        "errors": errors,
        "weights": weights,
        "reason": "",
        "seconds": 3.2,
        "blocks": [],
        "used": status == "used",
        **more,
    }


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path)
    run.write_json(
        BLEND,
        {
            "labels": ["t_half", "active"], "metrics": ["RMSE of logarithms", "log loss"], "errors": [0.41, 0.52], "floors": [0.1, None],
            "folds": 5, "penalty": 0.1, "budget": 300.0, "seconds": 61.4, "rows": 1234,
            "candidates": [
                entry("ridge", "compared, no weight", [0.66, 0.58], [0.0, 0.0]),
                entry("gaussian_process", "used", [0.42, 0.53], [0.7, 0.4], blocks=["minimol"]),
                entry("extra_trees", "used", [0.47, 0.54], [0.3, 0.6]),
                entry("scratch", "left out", [], [], reason="6 fits would take 900 s, and 239 s of the budget are left"),
            ],
        },
    )  # fmt: skip
    return run


def test_lines_for_people(run: RunFolder, tmp_path: Path) -> None:
    lines = choice_lines(run)
    assert lines[0] == (
        "compared ridge, gaussian_process, extra_trees by 5-fold predictions of the 1,234 training rows, in 61 s of a budget of 300 s"
    )
    assert lines[1].startswith(
        "chosen  t_half: 70% gaussian_process + 30% extra_trees (RMSE of logarithms of their blend 0.41"
    )
    assert "gaussian_process 0.420, extra_trees 0.470, ridge 0.660, learnt as logarithms" in lines[1]
    assert lines[2].startswith("chosen  active: 60% extra_trees + 40% gaussian_process")
    assert lines[3:] == ["left out scratch: 6 fits would take 900 s, and 239 s of the budget are left"]
    assert choice_lines(RunFolder(tmp_path / "other")) == []


def test_table_of_all_candidates(run: RunFolder, tmp_path: Path) -> None:
    table = candidate_table(run, LABELS)
    assert table is not None
    first = {score.model: score.estimate.value for score in table.tasks[0].scores}
    assert first == {"blend": 0.41, "ridge": 0.66, "gaussian_process": 0.42, "extra_trees": 0.47}
    for words in (
        "scratch: 6 fits would take 900 s",
        "gaussian_process: weight t_half 70%",
        "MiniMol",
        "logarithms, because",
        "penalty 0.1",
    ):
        assert words in table.note
    assert candidate_table(RunFolder(tmp_path / "other"), LABELS) is None
    assert [chosen_name(run), chosen_name(RunFolder(tmp_path / "other"))] == ["blend", None]


@pytest.mark.parametrize("compared", [1, 3])
def test_one_candidate_is_called_by_its_name_and_not_compared_with_itself(run: RunFolder, compared: int) -> None:
    alone = [
        entry("gaussian_process", "used", [0.42, 0.53], [1.0, 1.0]),
        entry("ridge", "compared, no weight", [0.66, 0.58], [0.0, 0.0]),
        entry("forest", "compared, no weight", [0.5, 0.55], [0.0, 0.0]),
    ]
    run.write_json(BLEND, {**run.read_json(BLEND), "errors": [0.42, 0.53], "candidates": alone[:compared]})
    pl.DataFrame({"row": [3], "candidate": ["gaussian_process"], "t_half": [1.0], "active": [0.1]}).write_parquet(
        run.path(CANDIDATE_PREDICTIONS)
    )
    lines, table = choice_lines(run), candidate_table(run, LABELS)
    assert chosen_name(run) == "gaussian_process"
    assert candidate_predictions(run, LABELS, np.array([3])) == {}
    assert not any("blend" in line or "100%" in line for line in lines)
    if compared == 1:
        assert lines == [
            "chosen  t_half: gaussian_process (RMSE of logarithms 0.420 by 5-fold predictions of the 1,234 training rows, learnt as logarithms)",
            "chosen  active: gaussian_process (log loss 0.530 by 5-fold predictions of the 1,234 training rows)",
        ]
        assert table is None
    else:
        assert lines[2] == "chosen  active: gaussian_process (log loss 0.530, of forest 0.550, ridge 0.580)"
        assert table is not None
        assert [score.model for score in table.tasks[0].scores] == ["gaussian_process", "ridge", "forest"]


def test_predictions_of_the_test_rows_in_their_order(run: RunFolder) -> None:
    values = {"row": [3, 5, 3, 5], "candidate": ["ridge", "ridge", "extra_trees", "extra_trees"]}
    pl.DataFrame({**values, "t_half": [1.0, 2.0, 3.0, 4.0], "active": [0.1, 0.2, 0.3, 0.4]}).write_parquet(
        run.path(CANDIDATE_PREDICTIONS)
    )
    found = candidate_predictions(run, LABELS, np.array([5, 3]))
    assert list(found) == ["ridge", "extra_trees"]
    np.testing.assert_array_equal(found["ridge"], [[2.0, 0.2], [1.0, 0.1]])
    np.testing.assert_array_equal(found["extra_trees"][:, 0], [4.0, 3.0])

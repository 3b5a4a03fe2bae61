"""Networks and baselines on frames: scores by part, resume, baselines worked out anew, and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.modalities.atoms.frame_errors import ENERGY_ERROR, FORCE_ERROR
from hooke.modalities.atoms.learning import in_electronvolts
from hooke.report.schema import Report
from hooke.studies import potential_leaderboard
from hooke.studies.potential_leaderboard import Leaderboard, LeaderboardResult, run_leaderboard, write_leaderboard
from hooke.suites import PotentialSuite, suite
from hooke.train.fit import prepare, split_of

SUITE = PotentialSuite("small_board", "A small board", "trajectory_potential", ("acac",), ("train_300K",), ("schnet",))
pytestmark = pytest.mark.mirror


@pytest.fixture
def board(tmp_path: Path) -> Leaderboard:
    return Leaderboard(
        SUITE, ("model.preset=tiny", "train.max_steps=5"), ("schnet", "mean", "elements"), (), 1, tmp_path / "runs"
    )


def test_scores_by_part(board: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, calls = potential_leaderboard.measured, []

    def stopping(*args: object) -> object:
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(args)
        return usual(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(potential_leaderboard, "measured", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_leaderboard(board, show_progress=False)
    [first] = board.rows()
    monkeypatch.setattr(potential_leaderboard, "measured", usual)
    rows = run_leaderboard(board, show_progress=False)
    assert rows[0] == first
    assert [row.system for row in rows] == ["schnet", "mean", "elements"]
    assert {*rows[0].errors} == {"train_600K", "test_dihedral"}
    assert rows[0].errors["test_dihedral"][FORCE_ERROR] is None
    assert rows[0].parameters > 0

    recipe = board.recipe("acac", "elements", 0)
    store = in_electronvolts(prepare(recipe, show_progress=False))
    split = split_of(store, recipe)
    train, test = store.gather(split.train), store.gather(split.test)
    hot = store.subset(split.test) == store.subsets.index("train_600K")
    expected = (
        np.abs(train.energies.mean() - test.energies[hot, 0]).mean() / 15
    )  # one composition: elements say no more than the mean
    for row in rows[1:]:
        assert row.errors["train_600K"][ENERGY_ERROR] == pytest.approx(expected, rel=1e-6)
        forces = np.abs(test.select(np.flatnonzero(hot)).forces).mean()
        assert row.errors["train_600K"][FORCE_ERROR] == pytest.approx(float(forces), rel=1e-5)

    result = LeaderboardResult(board, tuple(rows))
    page = write_leaderboard(result, command="hooke benchmark small_board")
    report = Report.read(page.with_suffix(".report.json"))
    assert [len(table.tasks) for table in report.results] == [2, 1]
    assert "force error on" in report.summary.verdict
    heads, lines = result.table()
    assert heads == ["set", "part", "schnet", "mean", "elements"]
    assert len(lines) == 2


def test_what_the_suite_does_not_have_is_refused(board: Leaderboard) -> None:
    with pytest.raises(UnknownNameError, match="system of small_board"):
        run_leaderboard(replace(board, systems=("schnett",)))
    with pytest.raises(UnknownNameError, match="set of small_board"):
        run_leaderboard(replace(board, sets=("aspirin",)))
    assert suite("potentials").size == len(suite("potentials").parts) == 3

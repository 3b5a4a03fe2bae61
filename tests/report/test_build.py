from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hooke.core.label import Label
from hooke.evaluate.bootstrap import Interval
from hooke.report.build import (
    MAX_CURVE,
    binary_curves,
    coverage,
    difference,
    estimate,
    gallery,
    learning_curves,
    parity,
    predictions,
    reliability,
    result_table,
    set_coverage,
    thin,
)
from hooke.report.data_schema import KeyNumber
from hooke.report.drawing import MoleculePool
from hooke.report.schema import Estimate, SetCoverage

SMILES = ["C" * length for length in range(1, 21)]
TRUE = np.linspace(-1, 1, 20)


def test_estimates() -> None:
    assert estimate(Interval(1.0, 0.5, np.nan)) == Estimate(1.0, 0.5, None)
    assert estimate(np.float32(2)) == Estimate(2.0)
    assert estimate(None) == estimate(np.nan) == Estimate(None)


def test_thinning_keeps_the_largest_and_says_so() -> None:
    assert thin(5, 10) == (pytest.approx(np.arange(5)), "")
    sizes = np.zeros(1000)
    sizes[[7, 900]] = 1.0
    chosen, rule = thin(1000, 100, keep=sizes)
    assert len(set(chosen)) == 100
    assert {7, 900} <= set(chosen)
    assert (np.diff(chosen) > 0).all()
    assert rule == "the 50 largest errors and 50 of 1,000 drawn at random (seed 0)"
    assert thin(1000, 100)[1] == "100 of 1,000 drawn at random (seed 0)"
    assert len(thin(1000, 20, keep=sizes)[0]) == 20


def test_learning_curves_of_members_and_of_runs() -> None:
    lines = [
        {"member": member, "epoch": epoch, "train_loss": 1.0, "valid_loss": abs(epoch - 3) + 0.1}
        for member in (0, 1)
        for epoch in range(1, 6)
    ]
    found = learning_curves("T", [*lines, {"note": "no loss here"}, {"epoch": 9}])
    assert [curve.name for curve in found.curves] == ["member 1", "member 2"]
    assert found.curves[0].best_step == 3.0
    found = learning_curves("T", {"seed 0": lines[:5], "seed 1": lines[:5]})
    assert [curve.name for curve in found.curves] == ["seed 0", "seed 1"]
    found = learning_curves("T", [{"epoch": 1, "train_loss": float("nan")}])
    assert found.curves[0].name == "run"
    assert found.curves[0].train == (None,)
    assert found.curves[0].best_step is None


def test_long_curves_are_thinned_but_keep_the_best_and_the_last() -> None:
    lines = [{"epoch": epoch, "train_loss": 1.0, "valid_loss": 1 + abs(epoch - 1234)} for epoch in range(2000)]
    curve = learning_curves("T", lines).curves[0]
    assert len(curve.steps) <= MAX_CURVE + 2
    assert {1234.0, 1999.0} <= set(curve.steps)


def test_a_result_table_marks_the_best_by_direction() -> None:
    labels = [Label("a", unit="eV"), Label("b", kind="binary"), Label("c")]
    table = result_table(
        "T",
        labels,
        {"a": "rmse", "b": "roc_auc", "c": "rmse"},
        {"x": [Interval(1.0, 0.9, 1.1), 0.7, np.nan], "y": [2.0, 0.8, None]},
        higher_is_better={"a": False, "b": True, "c": False},
        repeats={"x": [[1.0, np.nan], [0.7], []]},
        counts=np.array([5, 6, 0]),
        baselines=["y"],
        part="valid",
    )
    assert [[score.best for score in task.scores] for task in table.tasks] == [
        [True, False],
        [False, True],
        [False, False],
    ]
    assert [task.unit for task in table.tasks] == ["eV", "", ""]
    assert table.tasks[0].scores[0].repeats == (1.0, None)
    assert table.tasks[0].count == 5
    assert table.part == "valid"
    short = result_table(
        "T", labels, "mae", {"x": [1.0, 1.0, 1.0]}, higher_is_better=False, limit=2, units={"mae": "K"}, note="n"
    )
    assert len(short.tasks) == 2
    assert short.note == "n; the first 2 of 3 labels are listed"
    assert short.tasks[0].unit == "K"
    assert short.tasks[0].count == 0


def test_a_difference_carries_its_direction() -> None:
    found = difference("a", "b", "t", "rmse", Interval(-1.0, -2.0, -0.5), higher_is_better=False, pairs=5)
    assert (found.outcome, found.pairs, found.direction) == ("better", 5, "lower")


def test_parity_leaves_out_what_was_not_measured_and_measures_itself() -> None:
    true = TRUE.copy()
    true[3] = np.nan
    pool = MoleculePool()
    found = parity(
        pool,
        task="t",
        model="m",
        smiles=SMILES,
        measured=true,
        predicted=TRUE + 0.5,
        low=TRUE - 1,
        high=np.full(20, np.inf),
    )
    assert found.total == len(found.measured) == 19
    assert found.scores[0] == KeyNumber("0.500", "RMSE")
    assert found.high[0] == found.predicted[0]  # an endless bar is not drawn
    assert found.low[0] == pytest.approx(-2.0)
    assert len(pool.molecules) == 19
    found = parity(
        pool,
        task="t",
        model="m",
        smiles=SMILES,
        measured=TRUE,
        predicted=TRUE,
        scores=[],
        limit=10,
        bars="without bounds there are none",
    )
    assert len(found.measured) == 10
    assert found.shown
    assert found.bars == ""
    assert found.scores == ()


def test_binary_curves_end_in_their_corners() -> None:
    true = (TRUE > 0).astype(float)
    true[0] = np.nan
    area = SimpleNamespace(value=1.0, low=0.9, high=1.0)
    found = binary_curves("t", true, {"m": TRUE, "n": -TRUE}, roc_auc={"m": area}, average_precision={"n": area})
    assert (found.positives, found.negatives) == (10, 9)
    assert (found.roc[0].x[0], found.roc[0].y[-1]) == (0.0, 1.0)
    assert found.roc[0].area == Estimate(1.0, 0.9, 1.0)
    assert found.roc[1].area is None
    assert found.precision_recall[1].area is not None
    assert found.precision_recall[0].x == tuple(sorted(found.precision_recall[0].x))
    with pytest.raises(ValueError, match="both classes"):
        binary_curves("t", np.ones(5), {"m": np.ones(5)})
    generator = np.random.default_rng(0)
    many = binary_curves("t", generator.integers(0, 2, 3000), {"m": generator.random(3000)})
    assert len(many.roc[0].x) <= MAX_CURVE


def test_calibration_sections() -> None:
    found = SimpleNamespace(
        predicted=np.array([0.1]), observed=np.array([0.2]), count=np.array([7]), expected_error=np.float64(0.1)
    )
    assert reliability("t", "m", found).count == (7,)
    assert coverage("t", "m", [0.5], [0.4], 9, used=0.9, note="n").used == 0.9


def test_galleries_hold_the_worst_and_the_best_once() -> None:
    predicted = TRUE + np.where(np.arange(20) == 4, 5.0, 0.01 * np.arange(20))
    worst, best = gallery(
        MoleculePool(),
        task="t",
        model="m",
        smiles=SMILES,
        measured=TRUE,
        predicted=predicted,
        low=predicted - 1,
        notes=[""] * 20,
        count=3,
    )
    assert [card.molecule for card in worst.cards] == [0, 1, 2]
    assert worst.cards[0].predicted.value == pytest.approx(TRUE[4] + 5)
    assert worst.cards[0].predicted.low is not None
    assert worst.cards[0].predicted.high is None
    assert best.cards[0].measured == TRUE[0]
    assert worst.rule == "the 3 largest absolute errors"
    few = gallery(MoleculePool(), task="t", model="m", smiles=["C", "N"], measured=[0, 1], predicted=[0, 0])
    assert [len(one.cards) for one in few] == [1, 1]
    one = gallery(MoleculePool(), task="t", model="m", smiles=["C"], measured=[0], predicted=[0])
    assert [len(one.cards) for one in one] == [1, 1]
    none = gallery(MoleculePool(), task="t", model="m", smiles=["C"], measured=[np.nan], predicted=[0])
    assert [len(one.cards) for one in none] == [0, 0]


def test_predictions_account_for_every_row() -> None:
    pool = MoleculePool()
    mean = np.array([[1.0, 0.5], [np.nan, np.nan], [2.0, np.nan]])
    found = predictions(
        pool,
        "T",
        [Label("a", unit="eV"), Label("b", kind="binary")],
        ["C", "bad", "N"],
        mean,
        low=mean - 1,
        high=mean + 1,
        names=["methane", "bad", "ammonia"],
        problems={1: "does not parse"},
        similarity=[0.5, np.nan, 1.0],
    )
    assert [row.problem for row in found.rows] == ["", "does not parse", ""]
    assert found.rows[0].values == (Estimate(1.0, 0.0, 2.0), Estimate(0.5, -0.5, 1.5))
    assert found.rows[1].values == ()
    assert found.rows[1].similarity is None
    assert found.rows[2].values[1] == Estimate(None)
    short = predictions(pool, "T", [Label("a")], ["C", "N"], np.zeros(2), limit=1)
    assert short.shown == "the first 1 of 2"
    assert short.rows[0].values[0] == Estimate(0.0)


def test_coverage_of_sets() -> None:
    found = SimpleNamespace(reached=Interval(0.9, 0.8, np.nan), mean_size=1.5, empty=0.1, count=20)
    made = set_coverage("gene", "vit", found, wanted=0.9, classes=7, calibrated_on=30)
    assert made == SetCoverage("gene", "vit", 0.9, Estimate(0.9, 0.8, None), 1.5, 0.1, 7, 20, 30)

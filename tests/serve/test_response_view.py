"""Answers about a fitted simulated screen."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.json_text import json_text
from hooke.evaluate.metrics import pearson


def test_points_are_the_scores_of_held_out_conditions(fitted: SimpleNamespace) -> None:
    view, points = fitted.view, fitted.view.points()
    summary = json.loads(json_text(view.summary()))
    assert len(points["names"]) == len(view) == summary["conditions"]
    assert [each["kind"] for each in points["kinds"]] == [each["kind"] for each in summary["kinds"]]
    chosen = summary["kinds"][0]["chosen"]
    scores = points["kinds"][0]["r"][chosen]
    [listed] = [each for each in summary["kinds"][0]["models"] if each["name"] == chosen]
    assert np.mean([score for score in scores if score is not None]) == pytest.approx(listed["value"], abs=1e-3)
    held = next(row for row, score in enumerate(scores) if score is not None)
    condition = view.condition(points["names"][held])
    assert condition["model"] == chosen
    r = pearson(np.array([condition["predicted"]]).T, np.array([condition["measured"]]).T)[0]
    assert abs(r - scores[held]) < 0.25  # the truth of the score has one half of the controls subtracted
    weak = points["names"].index(f"{fitted.genes[0]} · weak")
    assert points["evaluable"][weak] is False


def test_similar_responses_are_of_the_same_module(fitted: SimpleNamespace) -> None:
    found = fitted.view.condition(f"{fitted.genes[0]} · strong")
    assert {*found["similar"][0]["name"].split(" · ")[0].split("+")} & {*fitted.genes[:5]}
    cosines = [each["cosine"] for each in found["similar"]]
    assert cosines == sorted(cosines, reverse=True)
    assert all(fitted.genes[0] != each["name"].split(" · ")[0] for each in found["similar"] + found["opposite"])


def test_explanations_are_made_once(fitted: SimpleNamespace) -> None:
    first = fitted.view.explanation(fitted.genes[0].lower())
    assert first["perturbation"] == fitted.genes[0]
    assert sum(first["verdicts"].values()) == len(first["claims"])
    count = len(fitted.asked)
    assert fitted.view.explanation(fitted.genes[0]) is first
    assert len(fitted.asked) == count


def test_heat_maps(fitted: SimpleNamespace) -> None:
    names = [f"{gene} · strong" for gene in fitted.genes[:4]]
    found = fitted.view.heat_map([*names, "NOBODY"])
    assert sorted(found["names"]) == sorted(names)
    assert found["missing"] == ["NOBODY"]
    assert len(found["genes"]) == len(found["values"][0]) == 40
    row, column = found["names"].index(names[0]), 5
    place = fitted.view.run.genes.index(found["genes"][column])
    assert found["values"][row][column] == pytest.approx(
        fitted.view.run.changes[fitted.view.row(names[0])][place], rel=1e-3
    )
    assert fitted.view.heat_map(names, "predicted")["kind"] == "predicted"
    with pytest.raises(UsageError, match="2 to 60"):
        fitted.view.heat_map(names[:1])
    with pytest.raises(UsageError, match="measured or predicted"):
        fitted.view.heat_map(names, "dreamt")


def test_hit_curves_end_at_all_hits(fitted: SimpleNamespace) -> None:
    for curve in fitted.view.hits():
        assert curve["taken"][0] == curve["found"][0] == 0
        assert curve["taken"][-1] == curve["found"][-1] == curve["oracle"][-1] == 1
        assert all(one <= two + 1e-9 for one, two in zip(curve["found"], curve["oracle"], strict=True))
        assert curve["found"] == sorted(curve["found"])


def test_search_and_unknown_names(fitted: SimpleNamespace) -> None:
    assert f"{fitted.genes[0]} · strong" in fitted.view.search(fitted.genes[0].lower())
    assert fitted.view.search("  ") == []
    with pytest.raises(UnknownNameError, match="condition"):
        fitted.view.condition("NOBODY")

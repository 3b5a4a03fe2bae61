from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hooke.report import sections
from hooke.report.blocks import Page, model_colours
from hooke.report.plots import Charts
from hooke.report.schema import (
    Estimate,
    Picture,
    Reference,
    Report,
    Reproduce,
    ResultTable,
    Score,
    SetCoverage,
    Summary,
    TaskResult,
)


def page(report: Report) -> Page:
    return Page(report, Charts(), model_colours(report))


def test_an_empty_report_has_only_a_summary(tree: Any) -> None:
    empty = page(Report("t", Summary("nothing was compared")))
    assert all(make(empty) is None for _, make in sections.SECTIONS)
    found = tree(sections.summary(empty))
    assert found.texts["h1"] == ["t"]
    assert found.with_class("badge") == []


@pytest.mark.parametrize("outcome", ["better", "worse", "undecided"])
def test_the_verdict_has_its_badge(report: Report, outcome: str, tree: Any) -> None:
    shown = replace(report, summary=replace(report.summary, outcome=outcome))
    markup = sections.summary(page(shown))
    found = tree(markup)
    assert found.with_class("badge")[0]["class"] == f"badge {outcome}"
    assert report.summary.verdict in markup
    assert found.texts["dd"][0] == "0.90 kcal/mol"
    assert len(found.with_class("track")) == len(report.results[0].models)


def test_results_show_all_models_and_mark_the_best(report: Report, tree: Any) -> None:
    found = tree(sections.results(page(report)))
    tasks = [task for section in report.results for task in section.tasks]
    assert found.texts["th"].count("fine-tuned") == 2
    assert len([one for one in found.with_class("best") if "data-key" in one]) == len(tasks)
    assert len(found.with_class("pill")) == len(report.differences)
    assert [one["class"] for one in found.with_class("pill")].count("pill undecided") == 1
    assert found.texts["td"].count("–") == 1  # the one baseline that knows nothing of bonds


def test_a_table_without_differences_or_scores(tree: Any) -> None:
    table = ResultTable(
        "T", ("m", "n"), (TaskResult("t", "rmse", "lower", (Score("m", Estimate(None)),), level="node"),), part=""
    )
    markup = sections.results(page(Report("t", Summary("v"), results=(table,))))
    assert "Paired differences" not in markup
    found = tree(markup)
    assert found.texts["td"][-2:] == ["–", "–"]
    assert found.texts["th"][:4] == ["task", "metric", "m", "n"]


def test_plots_of_agreement_training_and_calibration(report: Report, tree: Any) -> None:
    shown = page(report)
    found = tree(sections.agreement(shown))
    assert found.count("figure") == len(report.parity) + 2 * len(report.binary)
    assert "0.930 [0.900, 0.960]" in found.texts["li"][0]
    assert tree(sections.training(shown)).count("figure") == 3
    found = tree(sections.calibration(shown))
    assert found.texts["dd"] == ["91.2 %", "2.30 kcal/mol", "0.0470"]
    assert "the dashed line is chance" in sections.agreement(page(replace(report, parity=())))
    bare = replace(report.coverage[0], used=None, mean_width=None)
    other = replace(report.reliability[0], expected_error=None)
    assert "<dd>" not in sections.calibration(page(replace(report, coverage=(bare,), reliability=(other,))))


def test_only_web_addresses_become_links(tree: Any) -> None:
    references = (Reference("a", "A", "@a", "javascript:alert(1)"), Reference("b", "B", "", "https://doi.org/10.1/2"))
    found = tree(sections.reproduce(page(Report("t", Summary("v"), reproduce=Reproduce(references=references)))))
    assert [attributes.get("href") for tag, attributes in found.elements if tag == "a"] == ["https://doi.org/10.1/2"]
    assert found.texts["code"] == ["@a"]


def test_recipes_and_commands_are_there_to_copy(report: Report, tree: Any) -> None:
    found = tree(sections.reproduce(page(report)))
    assert found.texts["code"][0] == "hooke quickstart"
    assert '[model]\nname = "gine"' in found.texts["code"][2]
    assert "2.13.0" in found.texts["code"]


def test_pictures_and_other_items(report: Report) -> None:
    shown = replace(report, pictures=(Picture("Fields", "AAAA", "a note"),), items="fields")
    markup = str(sections.pictures(page(shown)))
    assert 'src="data:image/png;base64,AAAA"' in markup
    assert "a note" in markup
    assert "molecules that it was not trained on" not in str(sections.results(page(shown)))


def test_sets_of_classes_of_wells(report: Report) -> None:
    sets = SetCoverage("gene", "vit", 0.9, Estimate(0.875, 0.8, 0.93), 1.5, 0.05, 7, 96, 80)
    shown = replace(report, items="fields", test_items="wells", sets=(sets,), coverage=())
    markup = str(sections.calibration(page(shown)))
    for text in ("Conformal sets of classes", "87.5 %", "[0.80, 0.93]", "1.50", "5.0 %", ">wells<", "calibrated on"):
        assert text in markup
    assert "molecules" not in markup
    assert "on wells that it was not trained on" in str(sections.results(page(shown)))
    assert Report.from_json(shown.to_json()).sets == (sets,)
    assert (shown.tested, replace(shown, test_items="").tested) == ("wells", "fields")

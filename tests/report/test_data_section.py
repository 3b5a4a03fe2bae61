from __future__ import annotations

from dataclasses import replace
from typing import Any

from hooke.report.blocks import Page
from hooke.report.data_schema import DataSummary, LabelSummary
from hooke.report.data_section import data
from hooke.report.plots import Charts
from hooke.report.schema import Report, Summary


def page(report: Report) -> Page:
    return Page(report, Charts(), {})


def test_rejected_rows_are_listed_with_line_and_reason(report: Report, tree: Any) -> None:
    markup = data(page(report))
    found = tree(markup)
    assert "1,598 (97.3 %)" in found.texts["small"]
    assert "<script>alert(1)</script>" in found.texts["code"]
    assert "(empty)" in found.texts["code"]
    assert "unclosed ring 1" in found.texts["td"]
    assert "Rejected rows and labels: 5" in found.texts["summary"]
    assert "Duplicates that disagreed: 1" in found.texts["summary"]
    assert "4 merged measurements disagreed" in found.texts["li"]
    assert "similarity above 0.8" in found.texts["dt"]


def test_a_bare_data_set(tree: Any) -> None:
    labels = (
        LabelSummary("a", "graph", "regression", 0, "eV", "log10"),
        LabelSummary("b", "node", "regression", 3, censored=2, mean=1.0, std=0.5),
        LabelSummary("c", "graph", "multiclass", 3, mean=1.0),
    )
    report = Report(
        "t", Summary("v"), data=(DataSummary("only a name"), DataSummary("d", labels=labels, rejected_rule=""))
    )
    found = tree(data(page(report)))
    assert found.texts["h3"] == ["only a name", "d"]
    assert "details" not in found.texts
    assert "graph regression, eV, log10" in found.texts["small"]
    assert found.texts["dd"] == ["0", "3", "2", "1.000 ± 0.500", "3"]


def test_the_rule_of_a_cut_list_is_shown(report: Report) -> None:
    cut = replace(report.data[0], rejected_rule="the first 5 of 900")
    assert "Rejected rows and labels: 5 (the first 5 of 900)" in data(page(replace(report, data=(cut,))))

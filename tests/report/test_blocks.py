from __future__ import annotations

from typing import Any

from hooke.report import blocks
from hooke.report.blocks import Page, model_colours
from hooke.report.markup import Markup
from hooke.report.plots import Charts
from hooke.report.schema import Molecule, Report, Summary


def test_models_keep_one_colour_and_baselines_have_their_own(report: Report) -> None:
    colours = model_colours(report)
    assert list(colours) == ["fine-tuned", "from scratch", "random forest", "ridge", "mean"]
    assert len(set(colours.values())) == 5
    assert colours["fine-tuned"] == "s0"


def test_a_page_draws_molecules_or_says_that_it_cannot(report: Report) -> None:
    page = Page(report, Charts(), {"m": "s3"})
    assert page.structure(0).startswith("<svg")
    assert (page.colour("m"), page.colour("other")) == ("s3", "s0")
    undrawn = Page(Report("t", Summary("v"), molecules=(Molecule("x"),)), Charts(), {})
    assert "no drawing" in undrawn.structure(0)


def test_a_section_without_content_is_none(tree: Any) -> None:
    assert blocks.section("a", "A", "text", None, []) is None
    assert blocks.grid([]) is None
    assert blocks.note("") is None
    found = tree(blocks.section("a", "A", "text", Markup("<p></p>")))
    assert found.elements[0][1] == {"id": "a", "aria-labelledby": "a-title"}


def test_a_figure_has_what_it_is_given(tree: Any) -> None:
    found = tree(
        blocks.figure(
            "T", Markup("<svg></svg>"), "remark", legend=[("m", "s1", "0.9"), ("n", "s2", "")], scores=[("a", "1")]
        )
    )
    assert found.texts["figcaption"] == ["T"]
    assert found.texts["li"] == ["m0.9", "n"]
    assert found.texts["dd"] == ["1"]
    assert found.texts["p"] == ["remark"]


def test_sentences() -> None:
    assert blocks.sentence("test molecules", "", "split: random.") == "Test molecules. Split: random."
    assert blocks.sentence() == ""

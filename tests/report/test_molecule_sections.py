from __future__ import annotations

from dataclasses import replace
from typing import Any

from hooke.report import molecule_sections
from hooke.report.blocks import Page
from hooke.report.plots import Charts
from hooke.report.schema import Report


def page(report: Report) -> Page:
    return Page(report, Charts(), {})


def test_each_molecule_of_a_gallery_is_drawn_with_its_numbers(report: Report, tree: Any) -> None:
    found = tree(molecule_sections.molecules(page(report)))
    cards = [card for gallery in report.galleries for card in gallery.cards]
    assert len(found.with_class("structure")) == len(cards)
    assert len(found.with_class("truth")) == len(cards)
    assert found.texts["dt"].count("measured") == len(cards)
    noted = replace(report.galleries[0], cards=(replace(report.galleries[0].cards[0], measured=None, note="far away"),))
    named = tuple(replace(molecule, name="A name") for molecule in report.molecules)
    markup = molecule_sections.molecules(
        page(replace(report, galleries=(noted, replace(noted, cards=())), molecules=named))
    )
    assert "far away" in markup
    assert "A name" in markup
    assert "measured</dt>" not in markup


def test_a_map_says_how_it_was_made(report: Report) -> None:
    markup = molecule_sections.maps(page(report))
    assert markup is not None
    assert "60 molecules. Layout: first two principal components" in markup
    one = replace(report.maps[0], colourings=report.maps[0].colourings[:1])
    assert "Coloured by hydration free energy" in molecule_sections.maps(page(replace(report, maps=(one,))))
    none = replace(report.maps[0], colourings=())
    assert molecule_sections.maps(page(replace(report, maps=(none,)))) is not None


def test_every_predicted_row_is_listed_with_its_reason(report: Report, tree: Any) -> None:
    found = tree(molecule_sections.unseen(page(report)))
    assert found.count("tr") == 1 + len(report.predictions[0].rows)
    assert found.texts["span"].count("unclosed ring and unclosed branch") == 1
    cells = set(found.texts["td"])
    assert "no drawing" in cells
    assert len([one for one in found.with_class("far") if "data-key" in one]) == 1
    bare = replace(
        report.predictions[0], rows=tuple(replace(row, similarity=None) for row in report.predictions[0].rows)
    )
    assert "similarity" not in molecule_sections.unseen(page(replace(report, predictions=(bare,))))
    assert molecule_sections.unseen(page(replace(report, predictions=(replace(bare, rows=()),)))) is None

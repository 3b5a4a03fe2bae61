from __future__ import annotations

from typing import Any

from hooke.report.tables import Cell, Column, definitions, table

COLUMNS = [Column("name"), Column("value", numeric=True), Column("drawn", sortable=False)]


def rows(count: int) -> list[list[Cell]]:
    return [[Cell(f"row {place}"), Cell(str(place), place), Cell(None)] for place in range(count)]


def test_a_small_table_is_only_a_table(tree: Any) -> None:
    found = tree(table("A caption", COLUMNS, rows(2)))
    assert found.texts["caption"] == ["A caption"]
    assert found.count("tr") == 3
    assert [attributes.get("data-sort") for tag, attributes in found.elements if attributes.get("scope") == "col"] == [
        "text",
        "number",
        None,
    ]
    assert [attributes.get("data-key") for tag, attributes in found.elements if tag == "td"] == ["0", None, "1", None]
    box = found.with_class("table")[0]
    assert box.get("data-search") is None
    assert box.get("data-page") is None


def test_a_long_table_is_searched_and_paged(tree: Any) -> None:
    box = tree(table("A caption", COLUMNS, rows(30))).with_class("table")[0]
    assert box["data-search"] == "A caption"
    assert box["data-page"] == "25"


def test_one_row_is_not_sorted(tree: Any) -> None:
    assert "data-sort" not in table("A caption", COLUMNS, rows(1))


def test_definitions() -> None:
    assert definitions([("a", "b<")], class_="x") == '<dl class="x"><div><dt>a</dt><dd>b&lt;</dd></div></dl>'

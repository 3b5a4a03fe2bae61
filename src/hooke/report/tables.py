"""Tables that the page's script makes sortable and searchable, and that read well without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hooke.report.markup import Child, Markup, element

SEARCH_FROM = 8  # rows from which a table gets a search field
PAGE = 25  # rows shown before "show all"


@dataclass(frozen=True)
class Cell:
    """One cell: what is shown, and what it is sorted by (its text, if nothing else is said)."""

    content: Child
    key: float | str | None = None
    class_: str = ""


@dataclass(frozen=True)
class Column:
    """A heading. `numeric` columns stand to the right and are sorted by number."""

    title: str
    numeric: bool = False
    sortable: bool = True
    class_: str = ""


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, class_: str = "") -> Markup:
    """A table in a box that scrolls sideways on narrow screens."""
    head = element(
        "tr",
        [
            element(
                "th",
                column.title,
                scope="col",
                class_=_classes(column.class_, "number" if column.numeric else ""),
                data_sort=("number" if column.numeric else "text") if column.sortable and len(rows) > 1 else None,
            )
            for column in columns
        ],
    )
    body = [
        element(
            "tr",
            [
                element(
                    "th" if place == 0 else "td",
                    cell.content,
                    scope="row" if place == 0 else None,
                    class_=_classes(cell.class_, column.class_, "number" if column.numeric else ""),
                    data_key=cell.key,
                )
                for place, (cell, column) in enumerate(zip(row, columns, strict=True))
            ],
        )
        for row in rows
    ]
    content = element(
        "table", element("caption", caption), element("thead", head), element("tbody", body), class_=class_ or None
    )
    return element(
        "div",
        element("div", content, class_="scroll", tabindex="0", role="region", aria_label=caption),
        class_="table",
        data_search=caption if len(rows) >= SEARCH_FROM else None,
        data_page=PAGE if len(rows) > PAGE else None,
    )


def definitions(pairs: Sequence[tuple[str, Child]], *, class_: str = "") -> Markup:
    """Names with their values."""
    return element(
        "dl",
        [element("div", element("dt", name), element("dd", value)) for name, value in pairs],
        class_=class_ or None,
    )


def _classes(*names: str) -> str | None:
    return " ".join(name for name in names if name) or None

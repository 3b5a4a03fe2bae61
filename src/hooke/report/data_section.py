"""The data section: where every row went, labels, split, leaks, rejected rows."""

from __future__ import annotations

from collections.abc import Sequence

from hooke.report import blocks, plots
from hooke.report.blocks import Page
from hooke.report.data_schema import DataSummary
from hooke.report.markup import Markup, element
from hooke.report.tables import Cell, Column, definitions, table
from hooke.report.wording import name_text, percent, plain, spread_text


def data(page: Page) -> Markup | None:
    """Where every row went, labels, split, leaks, rejected rows."""
    return blocks.section(
        "data",
        "Data",
        f"Where the {page.report.items} came from, and where every row went.",
        map(_data_set, page.report.data),
    )


def _data_set(found: DataSummary) -> Markup:
    rows = [
        ("kept", found.rows_kept, "s0"),
        ("duplicates merged", found.duplicates_merged, "s4"),
        ("rejected", found.rows_rejected, "bad"),
    ]
    parts = [(one.name, one.value, f"s{place}") for place, one in enumerate(found.parts)]
    facts = [
        (name, value)
        for name, value in (("source", found.source), ("licence", found.licence), ("split", found.split))
        if value
    ]
    problems = [
        f"{found.conflicts:,} merged measurements disagreed" if found.conflicts else "",
        f"{found.label_problems:,} label cells could not be read; their rows are kept without that label"
        if found.label_problems
        else "",
        *(f"column {name} ignored: {reason}" for name, reason in found.ignored_columns),
        *found.notes,
    ]
    read = f"{found.rows_read:,} rows read"
    return element(
        "div",
        element("h3", found.title or found.name),
        definitions(facts, class_="facts") if facts else None,
        element(
            "div",
            _bar(read, rows) if found.rows_read else None,
            _bar("split", parts) if parts else None,
            class_="grid wide",
        ),
        element("ul", [element("li", text) for text in problems if text], class_="remarks") if any(problems) else None,
        _labels(found),
        _leaks(found),
        _rejected(found),
        _duplicates(found),
        class_="block",
    )


def _bar(title: str, parts: Sequence[tuple[str, int, str]]) -> Markup:
    total = max(1, sum(count for _, count, _ in parts))
    shares = [element("i", class_=colour, style=f"flex-grow:{count}") for _, count, colour in parts if count]
    key = [
        element(
            "li",
            element("i", class_=f"swatch {colour}"),
            name,
            element("small", f"{count:,} ({percent(count / total, 1)})"),
        )
        for name, count, colour in parts
    ]
    return element(
        "figure",
        element("figcaption", title),
        element("div", shares, class_="stack", aria_hidden="true"),
        element("ul", key, class_="legend"),
        class_="card",
    )


def _labels(found: DataSummary) -> Markup | None:
    cards = []
    for one in found.labels:
        facts = [("measured", f"{one.count:,}")]
        counts = (("censored", one.censored), ("unlabelled", one.unlabelled), ("unreadable", one.unreadable))
        facts += [(name, f"{count:,}") for name, count in counts if count]
        if one.kind == "binary" and one.mean is not None:
            facts.append(("positive", percent(one.mean, 1)))
        elif one.kind == "regression" and one.mean is not None and one.std is not None:
            facts.append(("mean ± std", spread_text(one.mean, one.std)))
        kind = ", ".join(
            part
            for part in (
                f"{one.level} {one.kind}",
                one.unit,
                one.transform if one.transform != "none" else "",
                f"from {one.original}" if one.original else "",
            )
            if part
        )
        plot = plots.histogram(one.histogram, f"Distribution of {name_text(one.name)}") if one.histogram else None
        cards.append(
            element(
                "figure",
                element("figcaption", name_text(one.name), element("small", kind)),
                plot,
                definitions(facts, class_="scores"),
                class_="card",
            )
        )
    return element("div", element("h4", "Labels"), element("div", cards, class_="grid small")) if cards else None


def _leaks(found: DataSummary) -> Markup | None:
    if not found.leaks:
        return None
    listed = definitions([(name_text(one.label), one.value) for one in found.leaks], class_="scores")
    return element("div", element("h4", "What test and training share"), listed)


def _rejected(found: DataSummary) -> Markup | None:
    if not found.rejected:
        return None
    rows = [
        [
            Cell(f"{one.row:,}", one.row),
            Cell(one.what),
            Cell(one.column),
            Cell(element("code", one.text or "(empty)")),
            Cell(one.reason),
        ]
        for one in found.rejected
    ]
    columns = [
        Column("row", numeric=True),
        Column("what"),
        Column("column"),
        Column("content", class_="long"),
        Column("reason"),
    ]
    shown = f" ({found.rejected_rule})" if found.rejected_rule else ""
    title = f"Rejected rows and labels: {len(found.rejected):,}{shown}"
    return element("details", element("summary", title), table("Rejected rows and labels", columns, rows))


def _duplicates(found: DataSummary) -> Markup | None:
    if not found.duplicates:
        return None
    rows = [
        [
            Cell(element("code", one.smiles), one.smiles),
            Cell(", ".join(f"{row:,}" for row in one.rows)),
            Cell(name_text(one.label)),
            Cell(", ".join(plain(value) for value in one.values)),
            Cell(plain(one.kept), one.kept),
        ]
        for one in found.duplicates
    ]
    columns = [
        Column("molecule", class_="long"),
        Column("rows"),
        Column("label"),
        Column("measured"),
        Column("kept", numeric=True),
    ]
    title = f"Duplicates that disagreed: {len(found.duplicates):,}"
    return element(
        "details",
        element("summary", title),
        table(title, columns, rows),
        blocks.note(blocks.sentence(found.duplicates_rule)),
    )

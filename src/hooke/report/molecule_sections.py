"""The sections that draw molecules: worst and best, the embedding map, new molecules."""

from __future__ import annotations

from hooke.report import blocks, marks, plots
from hooke.report.blocks import Page
from hooke.report.markup import Child, Markup, element
from hooke.report.schema import Estimate, Gallery, MoleculeCard, Predictions
from hooke.report.tables import Cell, Column, definitions, table
from hooke.report.wording import bounds_text, estimate_text, measured_text, name_text, number, value_text


def molecules(page: Page) -> Markup | None:
    """Worst and best molecules, drawn."""
    text = (
        "Where the model fails and where it does well. Bar: its interval; dot: its prediction; tick: the measurement."
    )
    return blocks.section(
        "molecules", "Worst and best molecules", text, (_gallery(page, one) for one in page.report.galleries)
    )


def maps(page: Page) -> Markup | None:
    """Embedding maps."""
    text = "Molecules with similar embeddings lie close together. Point at a dot for its structure; click to keep it, scroll to zoom."
    return blocks.section("map", "Embedding map", text, (_map(page, place) for place in range(len(page.report.maps))))


def unseen(page: Page) -> Markup | None:
    """Predictions for new molecules."""
    text = "Predictions with their uncertainty. Be careful where the nearest training molecule is far away."
    return blocks.section(
        "predictions", "New molecules", text, (_predictions(page, one) for one in page.report.predictions)
    )


def _gallery(page: Page, section: Gallery) -> Markup | None:
    if not section.cards:
        return None
    scale = marks.track_scale([card.predicted for card in section.cards], *(card.measured for card in section.cards))
    cards = [_molecule_card(page, section, card, scale) for card in section.cards]
    title = f"{section.title}: {name_text(section.task)}"
    text = blocks.sentence(f"{section.rule}, {name_text(section.model)}, {section.part} {page.report.tested}")
    return element(
        "div", element("h3", title), blocks.note(text), element("ul", cards, class_="gallery"), class_="block"
    )


def _molecule_card(page: Page, section: Gallery, card: MoleculeCard, scale: tuple[float, float]) -> Markup:
    found = page.report.molecules[card.molecule]
    predicted = [value_text(card.predicted), " ", element("small", bounds_text(card.predicted))]
    values: list[tuple[str, Child]] = (
        [("measured", measured_text(card.measured, card.bound))] if card.measured is not None else []
    )
    values.append(("predicted", predicted))
    return element(
        "li",
        element("div", page.structure(card.molecule), class_="drawing"),
        element("p", found.name, class_="title") if found.name else None,
        element("code", found.smiles, class_="smiles"),
        marks.track(card.predicted, scale, page.colour(section.model), truth=card.measured),
        definitions(values),
        element("p", card.note, class_="note") if card.note else None,
        class_="card",
    )


def _map(page: Page, place: int) -> Markup:
    section = page.report.maps[place]
    plot = plots.embedding_map(section, page.charts)
    first = section.colourings[0] if section.colourings else None
    about = blocks.sentence(
        f"{section.total:,} {page.report.items}" if section.total else "",
        f"layout: {section.method}",
        f"shown: {section.shown}" if section.shown else "",
        f"coloured by {name_text(first.name)}" if first and len(section.colourings) == 1 else "",
        section.note,
    )
    return element(
        "figure",
        element("figcaption", section.title),
        element("div", element("div", plot, class_="canvas"), element("div", class_="panel"), class_="map"),
        blocks.note(about),
        class_="card",
    )


def _predictions(page: Page, section: Predictions) -> Markup | None:
    if not section.rows:
        return None
    scales = [
        marks.track_scale([row.values[place] for row in section.rows if row.values])
        if label.kind == "regression"
        else (0.0, 1.0)
        for place, label in enumerate(section.labels)
    ]
    similar = any(row.similarity is not None for row in section.rows)
    columns = [Column("molecule"), Column("structure", sortable=False, class_="drawn")]
    columns += [
        Column(f"{name_text(label.name)}{f' ({label.unit})' if label.unit else ''}", numeric=True)
        for label in section.labels
    ]
    columns += [Column("similarity to training", numeric=True)] if similar else []
    rows = []
    for row in section.rows:
        found = page.report.molecules[row.molecule]
        cells = [
            Cell(
                [element("b", found.name) if found.name else None, element("code", found.smiles, class_="smiles")],
                found.name or found.smiles,
            ),
            Cell(page.structure(row.molecule)),
        ]
        if row.problem:
            cells.append(Cell(element("span", row.problem, class_="problem")))
        values = row.values or (Estimate(None),) * len(section.labels)
        for value, scale in list(zip(values, scales, strict=True))[1 if row.problem else 0 :]:
            drawn = marks.track(value, scale, "s0") if value.value is not None else None
            cells.append(Cell([element("span", estimate_text(value)), drawn], value.value))
        if similar:
            cells.append(Cell(number(row.similarity, 2), row.similarity, "far" if (row.similarity or 0) < 0.35 else ""))
        rows.append(cells)
    text = blocks.sentence(
        f"intervals: {section.intervals}" if section.intervals else "",
        f"shown: {section.shown}" if section.shown else "",
        "similarity to the nearest training molecule: Tanimoto of Morgan fingerprints" if similar else "",
    )
    return element(
        "div",
        element("h3", section.title),
        table(section.title, columns, rows, class_="predictions"),
        blocks.note(text),
        class_="block",
    )

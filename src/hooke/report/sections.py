"""The sections of the page, one function each; an empty section gives None."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hooke.report import plots
from hooke.report.markup import Child, Markup, element, join
from hooke.report.schema import (
    DataSummary,
    Difference,
    Estimate,
    Gallery,
    MoleculeCard,
    Predictions,
    Report,
    ResultTable,
    TaskResult,
)
from hooke.report.tables import Cell, Column, definitions, table
from hooke.report.wording import bounds_text, estimate_text, metric_text, name_text, number, value_text

MODEL_COLOURS, BASELINE_COLOURS = ("s0", "s1", "s5", "s6"), ("s2", "s3", "s4", "s7")
OUTCOMES = {"better": "Better", "worse": "Worse", "undecided": "Undecided"}
HERO_TASKS = 3


@dataclass(frozen=True)
class Page:
    """What the sections share: the report, the numbers behind its plots, and one colour for each model."""

    report: Report
    charts: plots.Charts
    colours: Mapping[str, str]

    def colour(self, model: str) -> str:
        """Class of a model's colour."""
        return self.colours.get(model, "s0")

    def smiles(self, molecule: int) -> str:
        """SMILES of a molecule."""
        return self.report.molecules[molecule].smiles

    def structure(self, molecule: int) -> Markup:
        """A molecule's drawing, or its SMILES where there is none."""
        found = self.report.molecules[molecule]
        label = found.name or found.smiles
        if found.drawing is None:
            return element("span", "no drawing", class_="undrawn")
        return plots.structure(found.drawing, label)


def model_colours(report: Report) -> dict[str, str]:
    """Model -> colour class, the same everywhere in the report; baselines have the quieter colours."""
    baselines = [name for section in report.results for name in section.baselines]
    names = [name for section in report.results for name in section.models]
    names += [section.model for section in (*report.parity, *report.reliability, *report.coverage, *report.galleries)]
    names += [line.name for section in report.binary for line in section.roc]
    colours: dict[str, str] = {}
    for wanted, palette in ((False, MODEL_COLOURS), (True, BASELINE_COLOURS)):
        group = [name for name in dict.fromkeys(names) if (name in baselines) == wanted]
        colours |= {name: palette[place % len(palette)] for place, name in enumerate(group)}
    return colours


def summary(page: Page) -> Markup:
    """Title, verdict, key numbers, the first results at a glance, caveats."""
    report, found = page.report, page.report.summary
    badge = element("span", OUTCOMES[found.outcome], class_=f"badge {found.outcome}") if found.outcome in OUTCOMES else None
    numbers = [
        element("div", element("dt", one.label), element("dd", one.value), element("dd", one.note, class_="note") if one.note else None)
        for one in found.key_numbers
    ]
    glance = [
        element("figure", element("figcaption", *_task_title(task), class_="task"), _scores(page, task), class_="card")
        for section in report.results[:1]
        for task in section.tasks[:HERO_TASKS]
    ]
    notes = [element("li", text) for text in found.caveats]
    return element(
        "section",
        element("p", " · ".join(part for part in (report.subtitle, report.created[:16].replace("T", " ")) if part), class_="eyebrow"),
        element("h1", report.title),
        element("div", badge, element("p", found.verdict), class_=f"verdict {found.outcome}"),
        element("dl", numbers, class_="keys") if numbers else None,
        element("div", glance, class_="grid wide") if glance else None,
        element("div", element("h3", "Before you trust these numbers"), element("ul", notes), class_="card caveats") if notes else None,
        id="summary", aria_label="Summary",
    )  # fmt: skip


def data(page: Page) -> Markup | None:
    """Where every row went, labels, split, leaks, rejected rows."""
    return _section("data", "Data", "Where the molecules came from, and where every row went.", map(_data_set, page.report.data))


def training(page: Page) -> Markup | None:
    """Learning curves."""
    figures = [
        _figure(curves.title, plots.learning_curves(curves, page.charts), curves.note, legend=_curve_names(curves.curves))
        for curves in page.report.training
    ]
    text = "Dashed: training loss. Solid: validation loss. The dot marks the epoch whose weights are used."
    return _section("training", "Training", text, _grid(figures))


def results(page: Page) -> Markup | None:
    """Tables of all models and baselines, and the paired differences."""
    parts: list[Child] = [_result_table(page, section) for section in page.report.results]
    if page.report.differences:
        parts.append(_differences(page, page.report.differences))
    text = "Every model beside its baselines, on molecules that it was not trained on. The best of each row is marked."
    return _section("results", "Results", text, parts)


def agreement(page: Page) -> Markup | None:
    """Parity plots, ROC and precision-recall curves."""
    figures = [
        _figure(
            name_text(one.task), plots.parity(one, page.charts, page.colour(one.model)),
            _sentence(f"{one.model}, {one.part} molecules", f"bars: {one.bars}" if one.bars else "", f"shown: {one.shown}" if one.shown else ""),
            scores=[(key.label, key.value) for key in one.scores],
        )
        for one in page.report.parity
    ]  # fmt: skip
    for binary in page.report.binary:
        note = _sentence(f"{binary.part} molecules: {binary.positives:,} positive, {binary.negatives:,} negative")
        for title, draw, lines in (("ROC", plots.roc, binary.roc), ("precision-recall", plots.precision_recall, binary.precision_recall)):
            legend = [(line.name, page.colour(line.name), estimate_text(line.area) if line.area else "") for line in lines]
            figure = draw(binary, page.charts, page.colours)
            figures.append(_figure(f"{name_text(binary.task)}: {title}", figure, note, legend=legend))
    text = "Each dot is a molecule: on the dashed line the prediction equals the measurement. Point at one to see it."
    if not page.report.parity:
        text = "How well the scores separate the classes; the dashed line is chance."
    return _section("agreement", "Predicted and measured", text, _grid(figures))


def calibration(page: Page) -> Markup | None:
    """Reliability of probabilities and coverage of intervals."""
    figures = []
    for one in page.report.coverage:
        scores = []
        if one.used is not None and one.used_reached is not None:
            scores.append((f"inside the {one.used:.0%} intervals", f"{one.used_reached:.1%}"))
        if one.mean_width is not None:
            scores.append(("mean width", " ".join(part for part in (number(one.mean_width), one.unit) if part)))
        note = _sentence(f"{one.model}, {one.count:,} measurements ({one.part})", one.note)
        figures.append(_figure(name_text(one.task), plots.coverage(one, page.charts, page.colour(one.model)), note, scores=scores))
    for bins in page.report.reliability:
        scores = [("expected calibration error", number(bins.expected_error))] if bins.expected_error is not None else []
        note = _sentence(f"{bins.model}, {sum(bins.count):,} molecules ({bins.part})", "larger dots hold more molecules")
        figures.append(_figure(name_text(bins.task), plots.reliability(bins, page.charts, page.colour(bins.model)), note, scores=scores))
    text = "Can the stated uncertainty be trusted? On the dashed line it can; below it the model is too sure of itself."
    return _section("calibration", "Uncertainty", text, _grid(figures))


def molecules(page: Page) -> Markup | None:
    """Worst and best molecules, drawn."""
    text = "Where the model fails and where it does well. The bar is its interval, the dot its prediction, the tick the measurement."
    return _section("molecules", "Worst and best molecules", text, (_gallery(page, one) for one in page.report.galleries))


def maps(page: Page) -> Markup | None:
    """Embedding maps."""
    text = "Molecules that the encoder holds for similar lie close together. Point at one to see it; scroll to zoom, drag to move."
    return _section("map", "Embedding map", text, (_map(page, place) for place in range(len(page.report.maps))))


def unseen(page: Page) -> Markup | None:
    """Predictions for new molecules."""
    text = "Predictions with their uncertainty. Be careful where the nearest training molecule is far away."
    return _section("predictions", "New molecules", text, (_predictions(page, one) for one in page.report.predictions))


def reproduce(page: Page) -> Markup | None:
    """Commands, recipes, environment, citations."""
    found = page.report.reproduce
    parts: list[Child] = [_code(one.title, one.text, class_="command") for one in found.commands]
    parts += [element("details", element("summary", f"Recipe: {one.title}"), _code("", one.text)) for one in found.recipes]
    if found.environment:
        listed = definitions([(name, element("code", value)) for name, value in found.environment], class_="facts card")
        parts.append(element("details", element("summary", "Environment"), listed))
    if found.references:
        entries = [
            element("li", one.text, " ", element("a", one.url.split("://")[-1], href=one.url, rel="noreferrer") if _web(one.url) else None)
            for one in found.references
        ]
        bibtex = "\n\n".join(one.bibtex for one in found.references if one.bibtex)
        parts.append(element("div", element("h3", "Please cite"), element("ol", entries, class_="references"), class_="cite"))
        if bibtex:
            parts.append(element("details", element("summary", "BibTeX"), _code("", bibtex)))
    return _section("reproduce", "Reproduce", "Everything that is needed to get these numbers again.", parts)


SECTIONS: tuple[tuple[str, Callable[[Page], Markup | None]], ...] = (
    ("Results", results),
    ("Predicted and measured", agreement),
    ("Uncertainty", calibration),
    ("Worst and best", molecules),
    ("Embedding map", maps),
    ("New molecules", unseen),
    ("Training", training),
    ("Data", data),
    ("Reproduce", reproduce),
)


def _section(name: str, title: str, text: str, parts: object) -> Markup | None:
    content = join(parts)  # type: ignore[arg-type]
    if not content:
        return None
    head = element("header", element("h2", title, id=f"{name}-title"), element("p", text))
    return element("section", head, content, id=name, aria_labelledby=f"{name}-title")


def _grid(figures: Sequence[Markup]) -> Markup | None:
    return element("div", figures, class_="grid") if figures else None


def _figure(
    title: str,
    plot: Markup,
    note: str = "",
    *,
    legend: Sequence[tuple[str, str, str]] = (),
    scores: Sequence[tuple[str, str]] = (),
) -> Markup:
    key = [
        element("li", element("i", class_=f"swatch {colour}"), name, element("small", value) if value else None)
        for name, colour, value in legend
    ]
    return element(
        "figure", element("figcaption", title), definitions(scores, class_="scores") if scores else None, plot,
        element("ul", key, class_="legend") if key else None, element("p", note, class_="note") if note else None, class_="card",
    )  # fmt: skip


def _curve_names(curves: Sequence[object]) -> list[tuple[str, str, str]]:
    if len(curves) < 2:
        return []
    return [(curve.name, f"s{place % 8}", "") for place, curve in enumerate(curves)]  # type: ignore[attr-defined]


def _task_title(task: TaskResult) -> list[Child]:
    arrow = "↓ lower is better" if task.direction == "lower" else "↑ higher is better"
    unit = f" ({task.unit})" if task.unit else ""
    return [name_text(task.task), element("small", f"{metric_text(task.metric)}{unit}, {arrow}")]


def _scores(page: Page, task: TaskResult) -> Markup:
    """All models on one task: name, interval on a common line, numbers."""
    repeats = [value for score in task.scores for value in score.repeats]
    scale = plots.track_scale([score.estimate for score in task.scores], *repeats)
    rows = [
        element(
            "li",
            element("span", score.model, class_="name"),
            plots.track(score.estimate, scale, page.colour(score.model), repeats=score.repeats),
            element("span", element("b", value_text(score.estimate)), " ", element("small", bounds_text(score.estimate)), class_="value"),
            element("span", "best", class_="best-mark") if score.best else None, class_="best" if score.best else None,
        )
        for score in task.scores
    ]  # fmt: skip
    return element("ul", rows, class_="rows")


def _result_table(page: Page, section: ResultTable) -> Markup:
    columns = [Column("task"), Column("metric"), Column("molecules" if _graphs(section) else "values", numeric=True)]
    columns += [Column(model, numeric=True, class_="model") for model in section.models]
    rows = []
    for task in section.tasks:
        by_model = {score.model: score for score in task.scores}
        level = element("small", f"{task.level} level") if task.level != "graph" else None
        arrow = "↓" if task.direction == "lower" else "↑"
        unit = element("small", task.unit) if task.unit else None
        cells = [
            Cell([name_text(task.task), level], task.task),
            Cell([f"{metric_text(task.metric)} {arrow}", unit], task.metric),
            Cell(f"{task.count:,}" if task.count else "", task.count),
        ]
        for model in section.models:
            score = by_model.get(model)
            if score is None or score.estimate.value is None:
                cells.append(Cell("–"))
                continue
            content = [element("b" if score.best else "span", value_text(score.estimate)), element("small", bounds_text(score.estimate))]
            cells.append(Cell(content, score.estimate.value, "best" if score.best else ""))
        rows.append(cells)
    about = _sentence(
        f"{section.part} molecules" if section.part else "", f"split: {section.split}" if section.split else "",
        f"intervals: {section.intervals}" if section.intervals else "",
        f"baselines: {', '.join(section.baselines)}" if section.baselines else "", section.note,
    )  # fmt: skip
    return element("div", element("h3", section.title), table(section.title, columns, rows, class_="results"), _note(about), class_="block")


def _differences(page: Page, found: Sequence[Difference]) -> Markup:
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        groups.setdefault((one.task, one.metric), []).append(one)
    figures = []
    for (task, metric), members in groups.items():
        scale = plots.track_scale([one.estimate for one in members], zero=True)
        rows = [
            element(
                "li",
                element("span", f"{one.first} − {one.second}", class_="name"),
                plots.track(one.estimate, scale, f"o-{one.outcome}", zero=True),
                element(
                    "span", element("b", value_text(one.estimate, plus=True)), " ", element("small", bounds_text(one.estimate, plus=True)),
                    class_="value",
                ),
                element("span", OUTCOMES.get(one.outcome, ""), class_=f"pill {one.outcome}"),
            )
            for one in members
        ]  # fmt: skip
        better = "left of zero" if members[0].direction == "lower" else "right of zero"
        unit = f" ({members[0].unit})" if members[0].unit else ""
        pairs = f"paired over {members[0].pairs:,} {members[0].paired_over}" if members[0].pairs else f"paired over {members[0].paired_over}"
        title = [name_text(task), element("small", f"{metric_text(metric)}{unit}; {better} the first is better; {pairs}")]
        figures.append(element("figure", element("figcaption", *title, class_="task"), element("ul", rows, class_="rows pills"), class_="card"))
    text = "A difference whose interval holds zero is undecided, whatever its sign."
    return element("div", element("h3", "Paired differences"), element("div", figures, class_="grid wide"), _note(text), class_="block")


def _data_set(found: DataSummary) -> Markup:
    rows = [("kept", found.rows_kept, "s0"), ("duplicates merged", found.duplicates_merged, "s4"), ("rejected", found.rows_rejected, "bad")]
    parts = [(one.name, one.value, f"s{place}") for place, one in enumerate(found.parts)]
    facts = [(name, value) for name, value in (("source", found.source), ("licence", found.licence), ("split", found.split)) if value]
    problems = [
        f"{found.conflicts:,} merged measurements disagreed" if found.conflicts else "",
        f"{found.label_problems:,} label cells could not be read; their rows are kept without that label" if found.label_problems else "",
        *(f"column {name} ignored: {reason}" for name, reason in found.ignored_columns), *found.notes,
    ]  # fmt: skip
    read = f"{found.rows_read:,} rows read"
    return element(
        "div",
        element("h3", found.title or found.name),
        definitions(facts, class_="facts") if facts else None,
        element("div", _bar(read, rows) if found.rows_read else None, _bar("split", parts) if parts else None, class_="grid wide"),
        element("ul", [element("li", text) for text in problems if text], class_="remarks") if any(problems) else None,
        _labels(found), _leaks(found), _rejected(found), _duplicates(found), class_="block",
    )  # fmt: skip


def _bar(title: str, parts: Sequence[tuple[str, int, str]]) -> Markup:
    total = max(1, sum(count for _, count, _ in parts))
    shares = [element("i", class_=colour, style=f"flex-grow:{count}") for _, count, colour in parts if count]
    key = [
        element("li", element("i", class_=f"swatch {colour}"), name, element("small", f"{count:,} ({count / total:.1%})"))
        for name, count, colour in parts
    ]
    return element(
        "figure", element("figcaption", title), element("div", shares, class_="stack", aria_hidden="true"), element("ul", key, class_="legend"),
        class_="card",
    )  # fmt: skip


def _labels(found: DataSummary) -> Markup | None:
    cards = []
    for one in found.labels:
        facts = [("measured", f"{one.count:,}")]
        if one.censored:
            facts.append(("censored", f"{one.censored:,}"))
        if one.kind == "binary" and one.mean is not None:
            facts.append(("positive", f"{one.mean:.1%}"))
        elif one.kind == "regression" and one.mean is not None:
            facts.append(("mean ± std", f"{number(one.mean)} ± {number(one.std)}"))
        kind = ", ".join(part for part in (f"{one.level} {one.kind}", one.unit, one.transform if one.transform != "none" else "") if part)
        plot = plots.histogram(one.histogram, f"Distribution of {name_text(one.name)}") if one.histogram else None
        cards.append(
            element("figure", element("figcaption", name_text(one.name), element("small", kind)), plot, definitions(facts, class_="scores"), class_="card")
        )
    return element("div", element("h4", "Labels"), element("div", cards, class_="grid small")) if cards else None


def _leaks(found: DataSummary) -> Markup | None:
    if not found.leaks:
        return None
    listed = definitions([(name_text(one.label), one.value) for one in found.leaks], class_="scores")
    return element("div", element("h4", "What test molecules share with training"), listed)


def _rejected(found: DataSummary) -> Markup | None:
    if not found.rejected:
        return None
    rows = [
        [Cell(f"{one.row:,}", one.row), Cell(one.what), Cell(one.column), Cell(element("code", one.text or "(empty)")), Cell(one.reason)]
        for one in found.rejected
    ]
    columns = [Column("row", numeric=True), Column("what"), Column("column"), Column("content", class_="long"), Column("reason")]
    shown = f" ({found.rejected_rule})" if found.rejected_rule else ""
    title = f"Rejected rows and labels: {len(found.rejected):,}{shown}"
    return element("details", element("summary", title), table("Rejected rows and labels", columns, rows))


def _duplicates(found: DataSummary) -> Markup | None:
    if not found.duplicates:
        return None
    rows = [
        [
            Cell(element("code", one.smiles), one.smiles), Cell(", ".join(f"{row:,}" for row in one.rows)), Cell(name_text(one.label)),
            Cell(", ".join(number(value) for value in one.values)), Cell(number(one.kept), one.kept),
        ]
        for one in found.duplicates
    ]  # fmt: skip
    columns = [Column("molecule", class_="long"), Column("rows"), Column("label"), Column("measured"), Column("kept", numeric=True)]
    title = f"Duplicates that disagreed: {len(found.duplicates):,}"
    return element("details", element("summary", title), table(title, columns, rows), _note(_sentence(found.duplicates_rule)))


def _gallery(page: Page, section: Gallery) -> Markup | None:
    if not section.cards:
        return None
    scale = plots.track_scale([card.predicted for card in section.cards], *(card.measured for card in section.cards))
    cards = [_molecule_card(page, section, card, scale) for card in section.cards]
    title = f"{section.title}: {name_text(section.task)}"
    text = _sentence(f"{section.rule}, {section.model}, {section.part} molecules")
    return element("div", element("h3", title), _note(text), element("ul", cards, class_="gallery"), class_="block")


def _molecule_card(page: Page, section: Gallery, card: MoleculeCard, scale: tuple[float, float]) -> Markup:
    found = page.report.molecules[card.molecule]
    values = [("predicted", estimate_text(card.predicted))]
    if card.measured is not None:
        values.insert(0, ("measured", number(card.measured)))
    return element(
        "li",
        element("div", page.structure(card.molecule), class_="drawing"),
        element("p", found.name, class_="title") if found.name else None,
        element("code", found.smiles, class_="smiles"),
        plots.track(card.predicted, scale, page.colour(section.model), truth=card.measured),
        definitions(values),
        element("p", card.note, class_="note") if card.note else None,
        class_="card",
    )


def _map(page: Page, place: int) -> Markup:
    section = page.report.maps[place]
    plot = plots.embedding_map(section, page.charts)
    first = section.colourings[0] if section.colourings else None
    about = _sentence(
        f"{section.total:,} molecules" if section.total else "", section.method, f"shown: {section.shown}" if section.shown else "",
        f"coloured by {name_text(first.name)}" if first and len(section.colourings) == 1 else "", section.note,
    )  # fmt: skip
    return element(
        "figure", element("figcaption", section.title),
        element("div", element("div", plot, class_="canvas"), element("div", class_="panel"), class_="map"), _note(about), class_="card",
    )  # fmt: skip


def _predictions(page: Page, section: Predictions) -> Markup | None:
    if not section.rows:
        return None
    scales = [
        plots.track_scale([row.values[place] for row in section.rows if row.values]) if label.kind == "regression" else (0.0, 1.0)
        for place, label in enumerate(section.labels)
    ]
    similar = any(row.similarity is not None for row in section.rows)
    columns = [Column("molecule"), Column("structure", sortable=False, class_="drawn")]
    columns += [Column(f"{name_text(label.name)}{f' ({label.unit})' if label.unit else ''}", numeric=True) for label in section.labels]
    columns += [Column("nearest training molecule", numeric=True)] if similar else []
    rows = []
    for row in section.rows:
        found = page.report.molecules[row.molecule]
        cells = [
            Cell([element("b", found.name) if found.name else None, element("code", found.smiles, class_="smiles")], found.name or found.smiles),
            Cell(page.structure(row.molecule)),
        ]
        if row.problem:
            cells.append(Cell(element("span", row.problem, class_="problem")))
        values = row.values or (Estimate(None),) * len(section.labels)
        for value, scale in list(zip(values, scales, strict=True))[1 if row.problem else 0 :]:
            drawn = plots.track(value, scale, "s0") if value.value is not None else None
            cells.append(Cell([element("span", estimate_text(value)), drawn], value.value))
        if similar:
            cells.append(Cell(number(row.similarity, 2), row.similarity, "far" if (row.similarity or 0) < 0.35 else ""))
        rows.append(cells)
    text = _sentence(f"intervals: {section.intervals}" if section.intervals else "", f"shown: {section.shown}" if section.shown else "",
                     "similarity: Tanimoto, Morgan fingerprints" if similar else "")  # fmt: skip
    return element("div", element("h3", section.title), table(section.title, columns, rows, class_="predictions"), _note(text), class_="block")


def _code(title: str, text: str, class_: str = "") -> Markup:
    head = element("p", title, class_="title") if title else None
    return element("div", head, element("pre", element("code", text), tabindex="0"), class_=f"code {class_}".strip())


def _note(text: str) -> Markup | None:
    return element("p", text, class_="note") if text else None


def _sentence(*parts: str) -> str:
    """Parts as sentences: "Test molecules. Split: random.\""""
    texts = [part.strip().rstrip(".") for part in parts if part.strip()]
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in texts)


def _graphs(section: ResultTable) -> bool:
    return all(task.level == "graph" for task in section.tasks)


def _web(url: str) -> bool:
    return url.startswith(("https://", "http://"))

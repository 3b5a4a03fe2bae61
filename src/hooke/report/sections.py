"""The sections of the page, one function each; an empty section gives None."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hooke.report import blocks, marks, plots
from hooke.report.blocks import Page
from hooke.report.data_section import data
from hooke.report.markup import Child, Markup, element
from hooke.report.molecule_sections import maps, molecules, unseen
from hooke.report.schema import Curve, Difference, Picture, ResultTable, TaskResult
from hooke.report.tables import Cell, Column, definitions, table
from hooke.report.wording import bounds_text, estimate_text, metric_text, name_text, number, percent, value_text

OUTCOMES = {"better": "Better", "worse": "Worse", "undecided": "Undecided"}
HERO_TASKS = 3


def summary(page: Page) -> Markup:
    """Title, verdict, key numbers, the first results at a glance, caveats."""
    report, found = page.report, page.report.summary
    badge = (
        element("span", OUTCOMES[found.outcome], class_=f"badge {found.outcome}") if found.outcome in OUTCOMES else None
    )
    numbers = [
        element(
            "div",
            element("dt", one.label),
            element("dd", one.value),
            element("dd", one.note, class_="note") if one.note else None,
        )
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
        element(
            "p",
            " · ".join(part for part in (report.subtitle, report.created[:16].replace("T", " ")) if part),
            class_="eyebrow",
        ),
        element("h1", report.title),
        element("div", badge, element("p", found.verdict), class_=f"verdict {found.outcome}"),
        element("dl", numbers, class_="keys") if numbers else None,
        element("div", glance, class_="grid wide") if glance else None,
        element("div", element("h3", "Before you trust these numbers"), element("ul", notes), class_="card caveats")
        if notes
        else None,
        id="summary",
        aria_label="Summary",
    )


def pictures(page: Page) -> Markup | None:
    """Pictures with their captions."""
    figures = [
        blocks.figure(
            one.title,
            _picture(one),
            one.note,
        )
        for one in page.report.pictures
    ]
    text = "" if _computed(page) else "What the network saw and what it made of it."
    return blocks.section("pictures", "Pictures", text, blocks.grid(figures, "wide"))


def _picture(one: Picture) -> Markup:
    source = f"data:image/png;base64,{one.png}"
    if one.views == (1, 1):
        return element("img", src=source, alt=one.title, style="max-width:100%")
    across, down = one.views  # the page's script moves the picture behind a window of one view
    view = element("img", src=source, alt=one.title, draggable="false")
    return element("div", view, class_="turn", tabindex="0", data_across=str(across), data_down=str(down))


def training(page: Page) -> Markup | None:
    """Learning curves."""
    if _computed(page):
        return None
    text = "Dashed: training loss. Solid: validation loss. The dot marks the epoch whose weights are used."
    return blocks.section("training", "Training", text, _panels(page))


def computed(page: Page) -> Markup | None:
    """Curves of a computation without a network."""
    return blocks.section("curves", "Curves", "", _panels(page)) if _computed(page) else None


def _panels(page: Page) -> Markup | None:
    figures = [
        blocks.figure(
            curves.title, plots.learning_curves(curves, page.charts), curves.note, legend=_curve_names(curves.curves)
        )
        for curves in page.report.training
    ]
    return blocks.grid(figures, "three")


def _computed(page: Page) -> bool:
    """Whether curves are of a computation without a network: none was chosen by a validation loss, none counts epochs."""
    curves = page.report.training
    return bool(curves) and all(one.step_name != "epoch" for one in curves)


def sweeps(page: Page) -> Markup | None:
    """What changes with a quantity that was varied."""
    figures = [
        blocks.figure(
            one.title, plots.sweep(one, page.charts), one.note,
            legend=[(line.name, f"s{place % 8}", line.law) for place, line in enumerate(one.lines)],
        )
        for one in page.report.sweeps
    ]  # fmt: skip
    text = "Dots: means over seeds, with their intervals. Dashed: the fitted law, where there is one."
    return blocks.section("sweeps", "What was varied", text, blocks.grid(figures, "three"))


def results(page: Page) -> Markup | None:
    """Tables of all models and baselines, and the paired differences."""
    parts: list[Child] = [_result_table(page, section) for section in page.report.results]
    if page.report.differences:
        parts.append(_differences(page, page.report.differences))
    return blocks.section("results", "Results", _how_results_read(page), parts)


def _how_results_read(page: Page) -> str:
    if all(len(table.models) < 2 for table in page.report.results):
        return ""
    text = "★ marks the best value of a row"
    if page.report.items == "molecules" or page.report.test_items:
        text = f"Every model beside its baselines, on {page.report.tested} that it was not trained on. {text}"
    return text + ("; where intervals overlap, the paired differences decide." if page.report.differences else ".")


def agreement(page: Page) -> Markup | None:
    """Parity plots, ROC and precision-recall curves."""
    figures = [
        blocks.figure(
            name_text(one.task),
            plots.parity(one, page.charts, page.colour(one.model)),
            blocks.sentence(
                f"{name_text(one.model)}, {one.part} {page.report.tested}",
                f"bars: {one.bars}" if one.bars else "",
                "arrows: the side on which the truth of a censored measurement lies; no error where the prediction lies there, R² of exact "
                "measurements"
                if one.bounds
                else "",
                f"shown: {one.shown}" if one.shown else "",
            ),
            scores=[(key.label, key.value) for key in one.scores],
        )
        for one in page.report.parity
    ]
    for binary in page.report.binary:
        note = blocks.sentence(
            f"{binary.part} {page.report.tested}: {binary.positives:,} positive, {binary.negatives:,} negative"
        )
        for title, draw, lines in (
            ("ROC", plots.roc, binary.roc),
            ("precision-recall", plots.precision_recall, binary.precision_recall),
        ):
            legend = [
                (name_text(line.name), page.colour(line.name), estimate_text(line.area) if line.area else "")
                for line in lines
            ]
            figure = draw(binary, page.charts, page.colours)
            figures.append(blocks.figure(f"{name_text(binary.task)}: {title}", figure, note, legend=legend))
    text = f"Dots are {page.report.tested}: on the dashed line the prediction equals the measurement. Point at one to see it."
    if not page.report.parity:
        text = "How well the scores separate the classes; the dashed line is chance."
    return blocks.section("agreement", "Predicted and measured", text, blocks.grid(figures))


def calibration(page: Page) -> Markup | None:
    """Reliability of probabilities, coverage of intervals and of sets of classes."""
    figures = []
    for one in page.report.coverage:
        scores = []
        if one.used is not None and one.used_reached is not None:
            scores.append((f"inside the {percent(one.used)} intervals", percent(one.used_reached, 1)))
        if one.mean_width is not None:
            scores.append(("mean width", " ".join(part for part in (number(one.mean_width), one.unit) if part)))
        note = blocks.sentence(f"{name_text(one.model)}, {one.count:,} measurements ({one.part})", one.note)
        figures.append(
            blocks.figure(
                name_text(one.task), plots.coverage(one, page.charts, page.colour(one.model)), note, scores=scores
            )
        )
    for bins in page.report.reliability:
        scores = (
            [("expected calibration error", number(bins.expected_error))] if bins.expected_error is not None else []
        )
        note = blocks.sentence(
            f"{name_text(bins.model)}, {sum(bins.count):,} {page.report.tested} ({bins.part})",
            f"larger dots hold more {page.report.tested}", bins.note,
        )  # fmt: skip
        figures.append(
            blocks.figure(
                name_text(bins.task), plots.reliability(bins, page.charts, page.colour(bins.model)), note, scores=scores
            )
        )
    text = "Can the stated uncertainty be trusted? On the dashed line it can; below it the model is too sure of itself."
    return blocks.section("calibration", "Uncertainty", text, blocks.grid(figures), _sets(page))


def _sets(page: Page) -> Markup | None:
    """Conformal sets of classes, one line a label."""
    found = page.report.sets
    if not found:
        return None
    columns = [
        Column("label"), *(
            Column(title, numeric=True)
            for title in ("nominal", "holds the truth", "mean size", "classes", "empty sets", page.report.tested, "calibrated on")
        ),
    ]  # fmt: skip
    rows = [
        [
            Cell([name_text(one.task), element("small", name_text(one.model))], one.task),
            Cell(percent(one.wanted), one.wanted),
            Cell([percent(one.reached.value or 0.0, 1), element("small", bounds_text(one.reached))], one.reached.value),
            Cell(number(one.mean_size), one.mean_size),
            Cell(f"{one.classes:,}", one.classes),
            Cell(percent(one.empty, 1), one.empty),
            Cell(f"{one.count:,}", one.count),
            Cell(f"{one.calibrated_on:,}", one.calibrated_on),
        ]
        for one in found
    ]
    text = blocks.sentence(
        "a set holds every class that is likely enough; it is promised to hold the truth as often as stated for "
        f"{page.report.tested} that are like those it was calibrated on",
        "intervals: 95 % Wilson",
    )
    title = "Conformal sets of classes"
    return element("div", element("h3", title), table(title, columns, rows), blocks.note(text), class_="block")


def reproduce(page: Page) -> Markup | None:
    """Commands, recipes, environment, citations."""
    found = page.report.reproduce
    parts: list[Child] = [_code(one.title, one.text, class_="command") for one in found.commands]
    parts += [
        element("details", element("summary", f"Recipe: {one.title}"), _code("", one.text)) for one in found.recipes
    ]
    if found.environment:
        listed = definitions([(name, element("code", value)) for name, value in found.environment], class_="facts card")
        parts.append(element("details", element("summary", "Environment"), listed))
    if found.references:
        entries = [
            element(
                "li",
                one.text,
                " ",
                element("a", one.url.split("://")[-1], href=one.url, rel="noreferrer") if _web(one.url) else None,
            )
            for one in found.references
        ]
        bibtex = "\n\n".join(one.bibtex for one in found.references if one.bibtex)
        parts.append(
            element("div", element("h3", "Please cite"), element("ol", entries, class_="references"), class_="cite")
        )
        if bibtex:
            parts.append(element("details", element("summary", "BibTeX"), _code("", bibtex)))
    return blocks.section("reproduce", "Reproduce", "Everything that is needed to get these numbers again.", parts)


SECTIONS: tuple[tuple[str, Callable[[Page], Markup | None]], ...] = (
    ("What was varied", sweeps),
    ("Results", results),
    ("Predicted and measured", agreement),
    ("Uncertainty", calibration),
    ("Worst and best", molecules),
    ("Embedding map", maps),
    ("New molecules", unseen),
    ("Pictures", pictures),
    ("Training", training),
    ("Curves", computed),
    ("Data", data),
    ("Reproduce", reproduce),
)


def _curve_names(curves: Sequence[Curve]) -> list[tuple[str, str, str]]:
    if len(curves) < 2:
        return []
    return [(curve.name, f"s{place % 8}", "") for place, curve in enumerate(curves)]


def _task_title(task: TaskResult) -> list[Child]:
    arrow = "↓ lower is better" if task.direction == "lower" else "↑ higher is better"
    unit = f" ({task.unit})" if task.unit else ""
    return [name_text(task.task), element("small", f"{metric_text(task.metric)}{unit}, {arrow}")]


def _scores(page: Page, task: TaskResult) -> Markup:
    """All models on one task: name, interval on a common line, numbers."""
    repeats = [value for score in task.scores for value in score.repeats]
    scale = marks.track_scale([score.estimate for score in task.scores], *repeats)
    rows = [
        element(
            "li",
            element("span", name_text(score.model), class_="name"),
            marks.track(score.estimate, scale, page.colour(score.model), repeats=score.repeats),
            element(
                "span",
                element("b", value_text(score.estimate)),
                " ",
                element("small", bounds_text(score.estimate)),
                class_="value",
            ),
            element("span", "best", class_="best-mark") if score.best else None,
            class_="best" if score.best else None,
        )
        for score in task.scores
    ]
    return element("ul", rows, class_="rows")


def _result_table(page: Page, section: ResultTable) -> Markup:
    counted = any(task.count for task in section.tasks)
    columns = [Column("task"), Column("metric")]
    columns += [Column(page.report.tested if _of_rows(page, section) else "values", numeric=True)] if counted else []
    columns += [Column(name_text(model), numeric=True) for model in section.models]
    rows = []
    for task in section.tasks:
        by_model = {score.model: score for score in task.scores}
        level = element("small", f"{task.level} level") if task.level != "graph" else None
        arrow = "↓" if task.direction == "lower" else "↑"
        unit = element("small", task.unit) if task.unit else None
        cells = [
            Cell([name_text(task.task), level], task.task),
            Cell([f"{metric_text(task.metric)} {arrow}", unit], task.metric),
        ]
        cells += [Cell(f"{task.count:,}", task.count)] if counted else []
        for model in section.models:
            score = by_model.get(model)
            if score is None or score.estimate.value is None:
                cells.append(Cell("–"))
                continue
            content = [
                element("b" if score.best else "span", value_text(score.estimate)),
                element("small", bounds_text(score.estimate)),
            ]
            cells.append(Cell(content, score.estimate.value, "best" if score.best else ""))
        rows.append(cells)
    about = blocks.sentence(
        f"{section.part} {page.report.tested}" if section.part else "",
        f"split: {section.split}" if section.split else "",
        f"intervals: {section.intervals}" if section.intervals else "",
        f"baselines: {', '.join(map(name_text, section.baselines))}" if section.baselines else "",
        section.note,
    )
    return element(
        "div",
        element("h3", section.title),
        table(section.title, columns, rows, class_="results"),
        blocks.note(about),
        class_="block",
    )


def _differences(page: Page, found: Sequence[Difference]) -> Markup:
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        groups.setdefault((one.task, one.metric), []).append(one)
    figures = []
    for (task, metric), members in groups.items():
        scale = marks.track_scale([one.estimate for one in members], zero=True)
        rows = [
            element(
                "li",
                element("span", f"{name_text(one.first)} − {name_text(one.second)}", class_="name"),
                marks.track(one.estimate, scale, f"o-{one.outcome}", zero=True),
                element(
                    "span",
                    element("b", value_text(one.estimate, plus=True)),
                    " ",
                    element("small", bounds_text(one.estimate, plus=True)),
                    class_="value",
                ),
                element("span", OUTCOMES.get(one.outcome, ""), class_=f"pill {one.outcome}"),
            )
            for one in members
        ]
        better = "left of zero" if members[0].direction == "lower" else "right of zero"
        unit = f" ({members[0].unit})" if members[0].unit else ""
        pairs = (
            f"paired over {members[0].pairs:,} {members[0].paired_over}"
            if members[0].pairs
            else f"paired over {members[0].paired_over}"
        )
        title = [
            name_text(task),
            element("small", f"{metric_text(metric)}{unit}; {better} the first is better; {pairs}"),
        ]
        figures.append(
            element(
                "figure",
                element("figcaption", *title, class_="task"),
                element("ul", rows, class_="rows pills"),
                class_="card",
            )
        )
    text = "A difference whose interval holds zero is undecided, whatever its sign."
    return element(
        "div",
        element("h3", "Paired differences"),
        element("div", figures, class_="grid wide"),
        blocks.note(text),
        class_="block",
    )


def _code(title: str, text: str, class_: str = "") -> Markup:
    head = element("p", title, class_="title") if title else None
    return element("div", head, element("pre", element("code", text), tabindex="0"), class_=f"code {class_}".strip())


def _of_rows(page: Page, section: ResultTable) -> bool:
    """Whether a table counts what models are measured on, not parts or pairs of it."""
    return bool(page.report.test_items) or all(task.level == "graph" for task in section.tasks)


def _web(url: str) -> bool:
    return url.startswith(("https://", "http://"))

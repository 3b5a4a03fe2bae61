"""A report for the terminal: verdict, key numbers, tables of results, paired differences."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hooke.report.schema import Report, ResultTable
from hooke.report.wording import bounds_text, estimate_text, metric_text, name_text, number, percent, value_text

MAX_TASKS = 30  # rows of a results table; report.html has all


def show_report(report_json: Path, *, width: int = 100, colour: bool = False) -> str:
    """The text of a report.json.

    Args:
        report_json: What `Report.write` wrote.
        width: Columns of the terminal.
        colour: With the terminal's colours.

    Raises:
        DataError: report.json is missing, damaged, or from a newer version.
    """
    return to_text(Report.read(report_json), width=width, colour=colour)


def to_text(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """A report as text. Names are written as they are, never read as markup."""
    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    styles = {"better": "bold green", "worse": "bold red", "undecided": "bold yellow", "none": "bold"}
    console.print(Text(report.title, style="bold"))
    console.print(Text(report.summary.verdict, style=styles[report.summary.outcome]))
    if report.summary.key_numbers:
        rows = [(one.value, one.label, one.note) for one in report.summary.key_numbers]
        console.print(_table(("", "", ""), rows, heading=False))
    for section in report.results:
        console.print()
        console.print(Text(section.title, style="bold"))
        console.print(_results(section))
        for text in _about(section):
            console.print(Text(text, style="dim"))
    if report.differences:
        console.print()
        console.print(Text("Paired differences", style="bold"))
        console.print(
            _table(
                ("task", "metric", "difference", "95 % interval", "first is", "pairs"),
                [
                    (
                        name_text(one.task),
                        metric_text(one.metric),
                        f"{name_text(one.first)} − {name_text(one.second)}",
                        estimate_text(one.estimate, one.unit, plus=True),
                        one.outcome,
                        f"{one.pairs:,} {one.paired_over}",
                    )
                    for one in report.differences
                ],
            )
        )
    for found in report.data:
        console.print()
        counts = f"{found.rows_kept:,} molecules kept, {found.rows_rejected:,} rows rejected"
        counts += f", {found.duplicates_merged:,} duplicates merged" if found.duplicates_merged else ""
        parts = ", ".join(f"{part.value:,} {part.name}" for part in found.parts)
        console.print(Text(f"{found.name}: {counts}" + (f"; {parts}" if parts else "")))
    for one in report.coverage:
        if one.used is not None and one.used_reached is not None:
            inside = f"{percent(one.used_reached, 1)} of {one.count:,} measurements"
            console.print(Text(f"{name_text(one.task)}: {inside} inside the {percent(one.used)} intervals"))
    for text in report.summary.caveats:
        console.print(Text(f"note: {text}", style="yellow"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _results(section: ResultTable) -> Any:
    heads = ["task", "metric", "n", *(name_text(model) for model in section.models)]
    rows = []
    for task in section.tasks[:MAX_TASKS]:
        by_model = {score.model: score for score in task.scores}
        cells = [
            name_text(task.task),
            " ".join(part for part in (metric_text(task.metric), task.unit) if part),
            f"{task.count:,}" if task.count else "",
        ]
        for model in section.models:
            score = by_model.get(model)
            if score is None or score.estimate.value is None:
                cells.append(number(None))
                continue
            mark = "* " if score.best else ""
            cells.append(f"{mark}{value_text(score.estimate)}\n{bounds_text(score.estimate)}".strip())
        rows.append(cells)
    return _table(heads, rows, right=range(2, len(heads)))


def _about(section: ResultTable) -> list[str]:
    hidden = len(section.tasks) - MAX_TASKS
    parts = [section.part, section.split, section.intervals, section.note]
    texts = ["* best; " + "; ".join(part for part in parts if part)]
    return [*texts, f"... and {hidden:,} more rows in report.html"] if hidden > 0 else texts


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), heading: bool = True
) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD if heading else None, show_header=heading, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if place in right else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table

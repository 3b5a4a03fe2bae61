from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hooke.report.schema import Report, Summary
from hooke.report.text import MAX_TASKS, show_report, to_text


def test_the_terminal_shows_verdict_tables_and_differences(report: Report, tmp_path: Path) -> None:
    text = show_report(report.write(tmp_path / "report.json"), width=140)
    assert report.summary.verdict in text
    assert "* 0.90" in text
    assert "[0.79, 1.01]" in text
    assert "−0.35 [−0.49, −0.21] kcal/mol" in text
    assert "undecided" in text
    assert "91.2 % of 193 measurements inside the 90 % intervals" in text
    assert "1,598 molecules kept, 9 rows rejected, 35 duplicates merged; 385 train, 64 valid, 193 test" in text
    assert "note: Labels computed by GFN2-xTB are approximate." in text
    assert "\x1b" not in text
    assert all(len(line) <= 140 for line in text.splitlines())
    assert "\x1b[" in to_text(report, colour=True)


def test_names_are_never_markup_and_long_tables_are_cut(report: Report) -> None:
    table = report.results[0]
    task = replace(table.tasks[0], task="[red]x[/red]", scores=())
    many = replace(table, tasks=(task,) * (MAX_TASKS + 5))
    text = to_text(replace(report, title="[bold]t :smile:", results=(many,)), width=200)
    assert "[bold]t :smile:" in text
    assert text.count("[red]x[/red]") == MAX_TASKS
    assert "... and 5 more rows in report.html" in text


def test_a_report_with_nothing_but_a_verdict() -> None:
    assert to_text(Report("t", Summary("v"))) == "t\nv\n"

"""What every verb prints: JSON for scripts on stdout, or a few lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hooke.core.errors import UsageError
from hooke.core.json_text import json_text

if TYPE_CHECKING:
    from hooke.api.training import FittedRun

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of text.")]
New = Annotated[bool, typer.Option("--new", help="Start afresh instead of continuing an unfinished output.")]
RunName = Annotated[
    str | None, typer.Option("--name", help="Name of the run, and of its folder below --runs; default: the recipe's.")
]
Runs = Annotated[Path, typer.Option("--runs", help="Folder of the run folders.")]
Adapt = Annotated[
    bool,
    typer.Option(
        "--adapt", help="Images: batch-norm statistics of each experimental batch from its own images (AdaBN)."
    ),
]
EscapeFormulas = Annotated[
    bool,
    typer.Option(
        "--escape-formulas", help="In a CSV: an apostrophe before texts that a spreadsheet would run (=, +, -, @, tab)."
    ),
]
Workers = Annotated[int | None, typer.Option("--workers", min=0, help="Processes for parsing; default: all cores.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help='Work on a Ray cluster (extra "cluster"): local, auto or an address; files must lie where all see them.',
    ),
]


def is_given(context: typer.Context, name: str) -> bool:
    """Whether a parameter of the verb's function was given on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_options(context: typer.Context, why: str, *names: str) -> None:
    """Refuse options that this call of the verb would not heed, if they were given.

    Args:
        context: Of the call.
        why: Ends the sentence "--splits ...".
        names: Parameters of the verb's function.

    Raises:
        UsageError: One of them was given.
    """
    for parameter in context.command.params:
        if parameter.name in names and is_given(context, parameter.name):
            raise UsageError(f"{max(parameter.opts, key=len)} {why}")


def named(name: str | None) -> list[str]:
    """The change of a recipe that --name stands for."""
    return [] if name is None else [f"name={json_text(name)}"]


def listed(text: str) -> list[str]:
    """The names in an option that takes several, separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def print_json(value: Any) -> None:
    """One JSON document on stdout; paths become strings."""
    typer.echo(json_text(value, indent=2))


def print_run(run: FittedRun, as_json: bool) -> None:
    """A finished run; nothing in the processes of several machines that only followed the first."""
    if run.first:
        if as_json:
            print_json(run.to_json())
        else:
            typer.echo(run.summary())


def print_fields(fields: Mapping[str, object]) -> None:
    """Aligned `name  value` lines; "–" for numbers that are not known, and dictionaries of dictionaries as tables below."""
    tables = {name: value for name, value in fields.items() if isinstance(value, Mapping) and _is_table(value)}
    width = max((len(name) for name in fields if name not in tables), default=0)
    for name, value in fields.items():
        if name not in tables:
            typer.echo(f"{name:<{width}}  {value_text(value)}")
    for name, value in tables.items():
        typer.echo(f"\n{name}")
        rows = dict(_rows(value, ()))
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        depth = max(len(path) for path in rows)
        print_table(
            [*[""] * depth, *columns],
            [
                [*path, *[""] * (depth - len(path)), *(_cell(row.get(column, "")) for column in columns)]
                for path, row in rows.items()
            ],
        )


def _is_table(value: Mapping[str, object]) -> bool:
    return bool(value) and all(isinstance(part, Mapping) and part for part in value.values())


def _rows(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The innermost dictionaries with the names on the way to them."""
    if not _is_table(value):
        yield path, value
        return
    for name, part in value.items():
        yield from _rows(part, (*path, str(name)))


def value_text(value: object) -> str:
    """A value for people."""
    from hooke.report.wording import UNKNOWN

    if isinstance(value, Mapping):
        return ", ".join(
            f"{name} ({value_text(part)})" if isinstance(part, Mapping) else f"{name} {_cell(part)}"
            for name, part in value.items()
        )
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return str(value)


def _cell(value: object) -> str:
    """A value of a dictionary: numbers with three digits."""
    from hooke.report.wording import number

    return number(value) if isinstance(value, float) else value_text(value)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table with aligned columns, readable in a terminal and in a log."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    for number, line in enumerate(cells):
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            typer.echo("  ".join("-" * width for width in widths))

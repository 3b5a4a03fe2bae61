"""What every verb prints: JSON for scripts on stdout, or a few lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.core.errors import UsageError
from hooke.core.json_text import json_text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of text.")]
New = Annotated[bool, typer.Option("--new", help="Start afresh instead of continuing an unfinished output.")]
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
        source = context.get_parameter_source(str(parameter.name))
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{max(parameter.opts, key=len)} {why}")


def listed(text: str) -> list[str]:
    """The names in an option that takes several, separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def print_json(value: Any) -> None:
    """One JSON document on stdout; paths become strings."""
    typer.echo(json_text(value, indent=2))


def print_fields(fields: Mapping[str, object]) -> None:
    """Aligned `name  value` lines; "–" for numbers that are not known, dictionaries as "name value, name (name value)"."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name:<{width}}  {value_text(value)}")


def value_text(value: object) -> str:
    """A value for people."""
    from hooke.report.wording import UNKNOWN, number

    if isinstance(value, Mapping):
        return ", ".join(
            f"{name} ({value_text(part)})"
            if isinstance(part, Mapping)
            else f"{name} {number(part) if isinstance(part, float) else value_text(part)}"
            for name, part in value.items()
        )
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return str(value)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table with aligned columns, readable in a terminal and in a log."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    for number, line in enumerate(cells):
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            typer.echo("  ".join("-" * width for width in widths))

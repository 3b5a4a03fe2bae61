"""What every verb prints: JSON for scripts on stdout, or a few lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.core.json_text import json_text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of text.")]
Runs = Annotated[Path, typer.Option("--runs", help="Folder of the run folders.")]
Workers = Annotated[int | None, typer.Option("--workers", min=0, help="Processes for parsing; default: all cores.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help='Work on a Ray cluster (extra "cluster"): local, auto or an address; files must lie where all see them.',
    ),
]


def print_json(value: Any) -> None:
    """One JSON document on stdout; paths become strings."""
    typer.echo(json_text(value, indent=2))


def print_fields(fields: Mapping[str, object]) -> None:
    """Aligned `name  value` lines."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name:<{width}}  {value}")


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table with aligned columns, readable in a terminal and in a log."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    for number, line in enumerate(cells):
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            typer.echo("  ".join("-" * width for width in widths))

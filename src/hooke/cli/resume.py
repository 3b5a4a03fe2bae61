"""`hooke resume`: continue a named run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, print_run

EXAMPLES = "Examples: `hooke resume LATEST` · `hooke resume runs/csv/20260101T120000-1a2b3c4d`"


def resume(
    run: Annotated[Path, typer.Argument(help="The folder of the unfinished run, or LATEST.")],
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Train the baselines and write report.html.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Continue an unfinished run; the result is bit-equal to the uninterrupted one on the same machine."""
    import hooke

    finished = hooke.resume(run, report=report)
    print_run(finished, as_json)

"""`hooke quickstart`: the main job on the embedded data set, in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, Runs, print_json

EXAMPLES = "Example: `hooke quickstart --open`"


def quickstart(
    runs: Runs = Path("runs"),
    seeds: Annotated[int, typer.Option(min=1, help="Repeats of fine-tuning and from-scratch training.")] = 3,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Pretrain, fine-tune, compare with baselines, embed and predict on `pocketmix`, and write report.html."""
    from hooke.suites.quickstart import quickstart as run_quickstart

    result = run_quickstart(runs, seeds=seeds)
    if as_json:
        print_json(result.to_json())
    else:
        typer.echo(result.summary())
    if open_report:
        typer.launch(str(result.report))

"""`hooke scale`: how the error falls with width, depth, molecules, labels and diversity of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, Runs, print_json, print_table
from hooke.core.errors import UsageError

EXAMPLES = (
    "Examples: `hooke scale scaling_base grid.toml` · `hooke scale diversity_grid` · "
    "`hooke scale tiny_gine grid.toml --seeds 3 train.max_steps=200 --json`"
)
_STUDIES = ("diversity_grid",)


def scale(
    recipe: Annotated[
        str, typer.Argument(help=f"The base point: a TOML file or a built-in name; or a study: {', '.join(_STUDIES)}.")
    ],
    grid: Annotated[
        str | None,
        typer.Argument(
            help='The factors: a file of [width] with "model.width" = [16, 32, 64, 128, 256], and so on; of a study none.'
        ),
    ] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the base point, as a.b=c.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each point.")] = 3,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Train one factor at a time from a base point, fit power laws, write table and report; a killed study goes on."""
    import hooke

    if recipe in _STUDIES:
        found = hooke.run_diversity(
            recipe, overrides=[*([grid] if grid else []), *(overrides or [])], seeds=seeds, runs=runs
        )
        if as_json:
            print_json(found.to_json())
            return
        print_table(*found.table())
        typer.echo(f"\nforce errors in meV/Å [95 %]\nreport {found.study.file.with_suffix('.html')}")
        return
    if grid is None:
        raise UsageError(
            f"name a file of factors: `hooke scale {recipe} grid.toml`; studies without one: {', '.join(_STUDIES)}"
        )
    from hooke.studies.scaling_result import OTHER_LABELS

    result = hooke.run_scaling(recipe, grid, overrides=overrides or [], seeds=seeds, runs=runs)
    if as_json:
        print_json(result.to_json())
        return
    print_table(*result.table())
    for name in result.changing_labels:
        typer.echo(f"{name}: {OTHER_LABELS}")
    typer.echo(f"\ntable {result.study.file.with_suffix('.csv')}\nreport {result.study.file.with_suffix('.html')}")

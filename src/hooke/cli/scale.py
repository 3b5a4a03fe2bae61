"""`hooke scale`: how the error falls with width, depth, molecules, labels and diversity of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, Runs, print_json, print_table
from hooke.core.errors import UsageError

EXAMPLES = (
    "Examples: `hooke scale scaling_base grid.toml` · `hooke scale diversity_grid` · `hooke scale qm1b_scaling` · "
    "`hooke scale tiny_gine grid.toml --seeds 3 train.max_steps=200 --json`"
)
STUDIES = ("diversity_grid", "qm1b_scaling")


def scale(
    recipe: Annotated[
        str, typer.Argument(help=f"The base point: a TOML file or a built-in name; or a study: {', '.join(STUDIES)}.")
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

    if recipe in STUDIES:
        run_study(
            recipe, overrides=[*([grid] if grid else []), *(overrides or [])], seeds=seeds, runs=runs, as_json=as_json
        )
        return
    if grid is None:
        raise UsageError(
            f"name a file of factors: `hooke scale {recipe} grid.toml`; studies without one: {', '.join(STUDIES)}"
        )
    result = hooke.run_scaling(recipe, grid, overrides=overrides or [], seeds=seeds, runs=runs)
    from hooke.studies.scaling_result import OTHER_LABELS

    if as_json:
        print_json(result.to_json())
        return
    print_table(*result.table())
    for name in result.changing_labels:
        typer.echo(f"{name}: {OTHER_LABELS}")
    typer.echo(f"\ntable {result.study.file.with_suffix('.csv')}\nreport {result.study.file.with_suffix('.html')}")


def run_study(name: str, *, overrides: list[str], seeds: int, runs: Path, as_json: bool) -> None:
    """One of `STUDIES`, with its labels, trainings, table and report."""
    import hooke

    run: Any = hooke.run_diversity if name == "diversity_grid" else hooke.run_label_scaling
    found = run(name, overrides=overrides, seeds=seeds, runs=runs)
    if as_json:
        print_json(found.to_json())
        return
    print_table(*found.table())
    typer.echo("\n" + "\n".join([*found.notes(), f"report {found.page}"]))

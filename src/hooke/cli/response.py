"""`hooke response`: what a screen of perturbations can teach, and how good predicted responses are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, print_fields, print_json, print_table
from hooke.report.wording import number

app = typer.Typer(
    help="Responses of cells to perturbations: check a screen, evaluate predictions.", no_args_is_help=True
)
Screen = Annotated[Path, typer.Argument(help="Cells: .h5ad (CSR, CSC or dense, read in blocks), or a table of wells.")]
ScaleOption = Annotated[
    str | None,
    typer.Option("--scale", help="counts, log1p or z-score; declared here or by the file (uns/log1p), never guessed."),
]
TargetSum = Annotated[
    float | None, typer.Option(help="What counts were normalised to before log1p, where it is known.")
]
Perturbation = Annotated[
    str | None, typer.Option("--perturbation", help="Column of the perturbations; guessed from the names.")
]
Control = Annotated[
    list[str] | None,
    typer.Option("--control", help="A perturbation that is the control; may be repeated. Default: the usual names."),
]
Context = Annotated[str | None, typer.Option("--context", help='Column of cell lines or donors; guessed, "" for none.')]
Batch = Annotated[str | None, typer.Option("--batch", help='Column of the experimental batches; guessed, "" for none.')]
Kind = Annotated[str | None, typer.Option(help="genes or compounds; guessed from the column.")]
Dose = Annotated[str, typer.Option(help="Compounds: column of the doses.")]
Unit = Annotated[str, typer.Option(help="Compounds: unit of the doses (uM, nM, ug/mL ...).")]
Hours = Annotated[str, typer.Option(help="Compounds: column of the times, in hours.")]
Separators = Annotated[str, typer.Option(help="Characters between the genes of one perturbation.")]
Layer = Annotated[str | None, typer.Option(help="A layer instead of X.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]


@app.command(
    epilog="Examples: `hooke response check screen.h5ad` · `hooke response check screen.h5ad --scale log1p --control NT -o perturbations.csv` · "
    "`hooke response check compounds.h5ad --scale counts --perturbation drug --dose dose --unit uM --json`"
)
def check(
    source: Screen,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A row for each perturbation, .csv or .parquet.")
    ] = None,
    scale: ScaleOption = None,
    target_sum: TargetSum = None,
    perturbation: Perturbation = None,
    control: Control = None,
    context: Context = None,
    batch: Batch = None,
    kind: Kind = None,
    dose: Dose = "",
    unit: Unit = "",
    hours: Hours = "",
    separators: Separators = "+",
    layer: Layer = None,
    with_targets: Annotated[
        bool, typer.Option("--with-targets", help="Let the targeted genes count in the scores of their perturbation.")
    ] = False,
    draws: Annotated[int, typer.Option(help="Draws of disjoint halves, 40 or more.")] = 40,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """What a screen can teach: ceilings, nulls, verdicts, and what each metric can tell apart; a stopped pass goes on."""
    import hooke

    found = hooke.check_screen(
        source, out, scale=scale, target_sum=target_sum, perturbation=perturbation, control=tuple(control or ()), context=context, batch=batch,
        kind=kind, dose=dose, unit=unit, hours=hours, separators=separators, layer=layer, with_targets=with_targets, draws=draws, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(found.to_json())
        return
    print_fields(
        {
            **found.said,
            "cells": f"{found.used:,} of {found.cells:,} used",
            **{f"  {reason}": f"{count:,}" for reason, count in found.left_out.items()},
            "genes": f"{found.genes:,} used",
            **{f"  {name}": reason for name, reason in found.genes_left_out.items()},
            "not scored": found.unscored,
        }
    )
    for each in found.contexts:
        typer.echo("")
        typer.echo(f"{each.name}: {each.verdict}")
        if not each.ceiling.is_evaluable:
            continue
        reach = number(each.ceiling.replicate_reaches), number(each.ceiling.noise_free_limit)
        typer.echo(f"a replicate of the experiment reaches r = {reach[0]}, a prediction without noise {reach[1]}")
        print_table(*_ranges(each))
        if each.warning:
            typer.echo(each.warning)


def _ranges(context: Any) -> tuple[list[str], list[list[str]]]:
    header = ["metric", "perfect", *context.ranges[0].scores, "DRF", ""]
    rows = [
        [
            each.metric,
            number(each.perfect),
            *map(number, each.scores.values()),
            number(each.fraction),
            "blind here" if each.blind else "",
        ]
        for each in context.ranges
    ]
    return header, rows

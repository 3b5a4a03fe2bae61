"""`hooke export`: a run on molecules as a program of `torch.export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, print_json

EXAMPLES = (
    "Examples: `hooke export runs/csv -o model.pt2` · `hooke export tiny -o encoder.pt2 --outputs vectors` · "
    "`hooke export runs/csv -o batch.pt2 --sizes fixed --molecules new.csv`"
)


def export(
    run: Annotated[str, typer.Argument(help="A run on molecules, a folder of runs, or tiny.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The program, a .pt2 file.")],
    sizes: Annotated[
        str, typer.Option(help="dynamic: batches of two or more molecules; fixed: those of --molecules alone.")
    ] = "dynamic",
    outputs: Annotated[str, typer.Option(help="predictions, or vectors of the encoder.")] = "predictions",
    molecules: Annotated[
        Path | None, typer.Option(help="A table: the batch of fixed sizes, or molecules to compare program and run on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write encoder and heads as a program that torch runs without Hooke."""
    import hooke

    written = hooke.export(run, output, sizes=sizes, outputs=outputs, molecules=molecules)
    if as_json:
        print_json(written.to_json())
        return
    for name, shape in written.inputs.items():
        typer.echo(f"input   {name} {tuple(shape)}")
    for name, columns in written.outputs.items():
        typer.echo(
            f"output  {name}: {len(columns):,} columns ({', '.join(columns[:3])}{', ...' if len(columns) > 3 else ''})"
        )
    typer.echo(
        f"checked against the run: outputs differ by {written.difference:.2g} at most\nprogram {written.path} ({written.sizes} sizes)"
    )

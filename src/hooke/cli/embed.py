"""`hooke embed`: one vector a molecule from a trained encoder or published weights, streamed and resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, Workers, print_json

EXAMPLES = (
    "Examples: `hooke embed runs/csv library.smi -o vectors.parquet` · `hooke embed minimol new.csv -o vectors.parquet`"
)


def embed(
    run: Annotated[str, typer.Argument(help="A run folder (a folder of runs: its newest finished one), or minimol.")],
    molecules: Annotated[Path, typer.Argument(help="CSV(.gz), Parquet, SDF or SMILES file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write: .parquet.")],
    smiles: Annotated[str | None, typer.Option(help="Name of the SMILES column, if it is not recognised.")] = None,
    weights: Annotated[Path | None, typer.Option(help="The file of the published weights.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Molecules a batch.")] = 256,
    workers: Workers = None,
    new: Annotated[
        bool, typer.Option("--new", help="Start afresh instead of continuing an unfinished output.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Embed molecules with a trained run's encoder; every input row has its output row, in order."""
    import hooke

    report = hooke.embed(
        run,
        molecules,
        output,
        weights=weights,
        smiles_column=smiles,
        batch_size=batch_size,
        workers=workers,
        resume=not new,
    )
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.summary())

"""`hooke embed`: one vector a molecule, or a well, from a trained encoder or published weights, streamed and resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Adapt, Cluster, EscapeFormulas, Json, New, Workers, print_json
from hooke.core.errors import UsageError
from hooke.core.piped import PIPE, piped_output, piped_source

EXAMPLES = (
    "Examples: `hooke embed runs/csv library.smi -o vectors.parquet` · `hooke embed tiny new.csv -o vectors.parquet` · "
    "`hooke embed runs/screen_ca_mae plates_store -o wells.parquet` · "
    "`hooke embed openphenom plates_store --weights model.safetensors -o wells.parquet` · "
    "`hooke embed tiny_cells image_folder path=plates/ metadata=wells.csv -o wells.parquet` · "
    "`hooke embed runs/screen_ca_mae screen seed=3 -o wells.parquet --block 3` · "
    "`hooke embed runs/csv library.parquet -o vectors.parquet --cluster auto` · "
    "`hooke embed runs/csv library.smi -o vectors.parquet --layers 1,4,last` · `cat new.smi | hooke embed tiny - -o vectors.csv`"
)


def embed(
    run: Annotated[
        str,
        typer.Argument(
            help="A run folder (a folder of runs: its newest finished one), tiny, tiny_cells, minimol or openphenom."
        ),
    ],
    source: Annotated[
        str,
        typer.Argument(
            help="Molecules: CSV(.gz), Parquet, xlsx, SDF or SMILES, or - for stdin. Images: a store or data set. Profiles: a table or store."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write: .parquet or .csv, or - for stdout.")],
    data: Annotated[list[str] | None, typer.Argument(help="Options of an image data set, as key=value.")] = None,
    smiles: Annotated[str | None, typer.Option(help="Molecules: name of the SMILES column, if not recognised.")] = None,
    positions: Annotated[
        str | None,
        typer.Option(help="Coordinates for a run that reads them: rdkit, or an SD file; default: as in training."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File of the published weights of minimol or openphenom.")
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(help="Images: block of the encoder, 1 ..., or negative from the end; default: the last."),
    ] = None,
    crop: Annotated[
        int | None, typer.Option(min=0, help="Images: side of the crops, 0 for whole fields; default: as trained.")
    ] = None,
    grid: Annotated[
        str | None, typer.Option(help="Images: crops over a field, as 2x2; default: as few as cover it.")
    ] = None,
    symmetry: Annotated[
        str | None, typer.Option(help="Images: mean over turned crops: none, flips or dihedral; default: none.")
    ] = None,
    fork: Annotated[
        int | None,
        typer.Option(
            min=1, help="Images: stage from which on the turned copies are computed apart; default: whole passes."
        ),
    ] = None,
    adapt: Adapt = False,
    channels: Annotated[
        str | None, typer.Option(help="Images: which channels, separated by commas; default: all.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Molecules: layers of a run, a column for each of several: 1,4,last; default: what its heads read."
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Mini-batch size, in molecules, crops or profiles.")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    new: New = False,
    escape_formulas: EscapeFormulas = False,
    as_json: Json = False,
) -> None:
    """Embed molecules (every row has its row, in order) or images (one row a well, as `hooke map` reads it)."""
    import hooke

    if as_json and output == PIPE:
        raise UsageError("--json and -o - both write to the standard output: choose one")
    given: dict[str, Any] = {
        "smiles_column": smiles, "positions": positions, "block": block, "crop": crop, "grid": None if grid is None else _grid(grid),
        "symmetry": symmetry, "fork": fork, "adapt": adapt or None,
        "channels": None if channels is None else tuple(name.strip() for name in channels.split(",")),
        "layers": tuple(name.strip() for name in layers.split(",")) if layers else None, "batch_size": batch_size,
    }  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    with piped_source(source) as read, piped_output(output) as written:
        report = hooke.embed(
            run,
            read,
            written,
            data=data or (),
            weights=weights,
            workers=workers,
            cluster=cluster,
            resume=not new,
            escape_formulas=escape_formulas,
            **options,
        )
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.summary(), err=output == PIPE)  # the rows are on stdout


def _grid(text: str) -> tuple[int, int]:
    """ROWSxCOLUMNS as two numbers."""
    down, cross, across = text.partition("x")
    if not (cross and down.isdigit() and across.isdigit() and int(down) and int(across)):
        raise UsageError(f"--grid has the form ROWSxCOLUMNS, such as 2x2, got {text!r}")
    return int(down), int(across)

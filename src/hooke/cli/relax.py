"""`hooke relax`: geometries at rest on a trained potential, streamed and resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, New, Workers, print_json

EXAMPLES = (
    "Examples: `hooke relax ligands.sdf --run runs/own_potential -o relaxed.sdf` · "
    "`hooke relax frames.extxyz --run RUN -o relaxed.extxyz --fmax 0.01 --steps 1000` · "
    "`hooke relax frames.parquet --run RUN -o relaxed.parquet --optimiser fire --workers 2` · "
    "`hooke relax acac parts=test_dihedral --run RUN -o relaxed.parquet --json`"
)


def relax(
    source: Annotated[
        str,
        typer.Argument(help="Systems: SDF, XYZ, extended XYZ, Parquet, HDF5, npz, a store, or a data set's name."),
    ],
    run: Annotated[
        Path, typer.Option("--run", help="A trained potential (a folder of runs: its newest finished one).")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Where to write: .parquet; or .sdf, .extxyz or .xyz, with all rows in OUTPUT.parquet beside.",
        ),
    ],
    data: Annotated[list[str] | None, typer.Argument(help="Options of a data set, as key=value.")] = None,
    fmax: Annotated[float, typer.Option(help="Converged is a system without a longer force on any atom, eV/Å.")] = 0.05,
    steps: Annotated[int, typer.Option(min=0, help="Most steps a system.")] = 500,
    optimiser: Annotated[str, typer.Option(help="lbfgs or fire.")] = "lbfgs",
    method: Annotated[str | None, typer.Option(help="Method of the run, where it has several.")] = None,
    length_unit: Annotated[
        str | None, typer.Option(help="Unit of the positions, where the file does not state it: angstrom, bohr or nm.")
    ] = None,
    workers: Workers = None,
    new: New = False,
    as_json: Json = False,
) -> None:
    """Relax systems with a trained potential; every row has its output row: converged, or why not."""
    import hooke

    units: dict[str, Any] = {} if length_unit is None else {"length_unit": length_unit}
    report = hooke.relax(
        source, output, run=run, data=data or (), fmax=fmax, steps=steps, optimiser=optimiser, method=method, workers=workers,
        resume=not new, **units,
    )  # fmt: skip
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.summary())

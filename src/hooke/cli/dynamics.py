"""`hooke dynamics`: molecular dynamics on a trained potential, states as extended XYZ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, print_json

EXAMPLES = (
    "Examples: `hooke dynamics ligand.xyz --run runs/own_potential --steps 2000 -o trajectory.extxyz` · "
    "`hooke dynamics frames.extxyz --run RUN --steps 20000 --friction 0.01 --temperature 600 -o bath.extxyz` · "
    "`hooke dynamics acac parts=test_dihedral --run RUN --steps 100 -o moved.extxyz --json`"
)


def dynamics(
    source: Annotated[
        str,
        typer.Argument(help="Systems: SDF, XYZ, extended XYZ, Parquet, HDF5, npz, a store, or a data set's name."),
    ],
    run: Annotated[
        Path, typer.Option("--run", help="A trained potential (a folder of runs: its newest finished one).")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write the states: .extxyz or .xyz; written anew.")
    ],
    data: Annotated[list[str] | None, typer.Argument(help="Options of a data set, as key=value.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of every system.")] = 1000,
    timestep: Annotated[float, typer.Option(help="Time step, in fs.")] = 0.5,
    every: Annotated[int, typer.Option(min=1, help="Steps between two states that are written.")] = 10,
    temperature: Annotated[
        float, typer.Option(help="Temperature of the initial velocities and of the heat bath, in K.")
    ] = 300.0,
    friction: Annotated[
        float, typer.Option(help="Friction of the heat bath (Langevin dynamics), in 1/fs; 0 conserves the energy.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of velocities and heat bath.")] = 0,
    method: Annotated[str | None, typer.Option(help="Method of the run, where it has several.")] = None,
    length_unit: Annotated[
        str | None, typer.Option(help="Unit of the positions, where the file does not state it: angstrom, bohr or nm.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Move systems by molecular dynamics on a trained potential; every state has the energy and forces of its positions."""
    import hooke

    units: dict[str, Any] = {} if length_unit is None else {"length_unit": length_unit}
    report = hooke.dynamics(
        source, output, run=run, data=data or (), steps=steps, timestep=timestep, every=every, temperature=temperature,
        friction=friction, seed=seed, method=method, **units,
    )  # fmt: skip
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.summary())

"""`hooke conformers`: make conformers of molecules, and score them against references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, New, Workers, print_json, print_table

app = typer.Typer(help="Make conformers of molecules, and score them against references.", no_args_is_help=True)


@app.command(epilog="Examples: `hooke conformers generate drugs.csv --number 20 -o conformers.sdf` · "
                    "`hooke conformers generate drugs.smi --relax gfn2 --rank --prune 0.5 -o conformers.parquet` · "
                    "`hooke conformers generate drugs.csv --relax runs/own_potential --rank -o conformers.sdf` · "
                    "`hooke conformers generate drugs.csv --method flow --run runs/conformers_small -o conformers.sdf` · "
                    "`hooke conformers generate racemic.csv --any-stereo --relax none -o conformers.sdf --json`")  # fmt: skip
def generate(
    source: Annotated[Path, typer.Argument(help="Molecules: CSV(.gz), Parquet, SMILES or SD file.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Where to write: .sdf, with all rows in OUTPUT.parquet beside; or .parquet."
        ),
    ],
    number: Annotated[int, typer.Option(min=1, help="Conformers of each molecule.")] = 20,
    method: Annotated[
        str, typer.Option(help="etkdg; flow, from the prior of a run; flow_refine, from embedded conformers.")
    ] = "etkdg",
    run: Annotated[Path | None, typer.Option("--run", help="Flow: a finished run of flow_matching.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Flow: integration steps; default: 50.")] = None,
    sampler: Annotated[str | None, typer.Option(help="Flow: euler (default), heun or stochastic.")] = None,
    relax: Annotated[str, typer.Option(help="none, mmff, gfn2, or a folder of runs of a potential.")] = "mmff",
    rank: Annotated[bool, typer.Option("--rank", help="Order the conformers of a molecule by that energy.")] = False,
    prune: Annotated[
        float, typer.Option(min=0, help="Leave out conformers nearer than this to one before, heavy-atom RMSD in Å.")
    ] = 0.0,
    any_stereo: Annotated[
        bool, typer.Option("--any-stereo", help="Take molecules whose stereo is undefined, with whatever stereo comes.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    smiles: Annotated[str | None, typer.Option(help="Name of the SMILES column, if not recognised.")] = None,
    energy_method: Annotated[str | None, typer.Option(help="Method of a run that has several.")] = None,
    workers: Workers = None,
    new: New = False,
    as_json: Json = False,
) -> None:
    """Make conformers of every molecule; stereo is right or the conformer is left out, and every row is accounted for."""
    import hooke

    report = hooke.conformers.generate(
        source, output, number=number, method=method, run=run, steps=steps, sampler=sampler,
        relax=relax, rank=rank, prune=prune, any_stereo=any_stereo, seed=seed,
        energy_method=energy_method, smiles_column=smiles, workers=workers, resume=not new,
    )  # fmt: skip
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(report.summary())


@app.command(epilog="Examples: `hooke conformers score conformers.sdf --reference crystal.sdf` · "
                    "`hooke conformers score conformers.sdf.parquet --reference dft.sdf.xz --number 20 --strain --json` · "
                    "`hooke conformers score conformers.sdf --reference crystal.sdf --no-baselines`")  # fmt: skip
def score(
    samples: Annotated[Path, typer.Argument(help="Conformers: SD file, or Parquet of `hooke conformers generate`.")],
    reference: Annotated[Path, typer.Option("--reference", help="Conformers to compare with, of the same kinds.")],
    number: Annotated[
        int | None, typer.Option(min=1, help="Samples of a molecule that are looked at; default: all.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option(help="Make and score equally many conformers by ETKDG, with MMFF, and clustered.")
    ] = True,
    strain: Annotated[bool, typer.Option("--strain", help="GFN2 energies above the lowest of the references.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of baselines and intervals.")] = 0,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Score conformers: coverage and average minimum RMSD (recall, precision), isomers, validity, with intervals, beside baselines."""
    import hooke

    report = hooke.conformers.score(
        samples, reference, number=number, baselines=baselines, strain=strain, seed=seed, workers=workers
    )
    if as_json:
        print_json(report.to_json())
        return
    print_table(*report.table())
    for line in report.summary():
        typer.echo(line)

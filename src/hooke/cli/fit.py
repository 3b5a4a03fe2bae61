"""`hooke fit`: train by recipe, or straight from a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.api.arguments import sorted_arguments
from hooke.cli.output import Json, RunName, Runs, Workers, named, print_run, refuse_options
from hooke.cli.plan import plan_fit
from hooke.cli.scale import STUDIES, run_study
from hooke.core.paths import cache_folder
from hooke.core.piped import kept_source

EXAMPLES = (
    "Examples: `hooke fit assay.csv` · `hooke fit assay.csv --smiles smiles --targets logS` · "
    '`hooke fit assay.csv --transform "IC50 (nM)=pIC50"` · '
    "`hooke fit assay.csv --budget 10m` · `hooke fit solubility.csv permeability.csv` · "
    "`zcat assay.csv.gz | hooke fit --csv -` · "
    "`hooke fit assay.csv --model forest` · `hooke fit my.toml train.learning_rate=3e-4` · "
    "`hooke fit tiny_gine` · `hooke fit screen_ca_mae`"
)


def fit(
    context: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Your own table of molecules (CSV, TSV, Parquet, xlsx, SDF, SMILES), or a recipe: a TOML file or a built-in name."
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes to the recipe, as a.b=c; more tables, which are learnt together, joined by molecule."
        ),
    ] = None,
    csv: Annotated[
        list[Path] | None, typer.Option(help="A table, where a recipe comes first, or - for stdin; may be repeated.")
    ] = None,
    smiles: Annotated[str | None, typer.Option(help="The SMILES column of your table.")] = None,
    targets: Annotated[str, typer.Option(help="Label columns of your table, comma-separated, or auto.")] = "auto",
    transform: Annotated[
        list[str] | None,
        typer.Option(
            help='Learn a logarithm of a column, as COLUMN=NAME: "IC50 (nM)=pIC50", or log10, log1p, minus_log10.'
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="random, scaffold, scaffold_balanced, cluster, time or column; images: well, plate, experiment or column."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="auto compares models on the training rows and blends them, the default for a table without a recipe; or one name: "
            "gaussian_process, support_vectors, ridge, extra_trees, forest ..., or a network."
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time limit for the comparison of --model auto, as 90s, 5m or 1h; default: 5m.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    name: RunName = None,
    runs: Runs = Path("runs"),
    new: Annotated[
        bool, typer.Option("--new", help="Start afresh, even if an unfinished run of this recipe exists.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Train the baselines and write report.html.")
    ] = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Write time by stage and a trace of a few steps below the run folder.")
    ] = False,
    workers: Workers = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say what it would need, as `hooke plan fit` does, which has the options of plans."
        ),
    ] = False,
    device: Annotated[str, typer.Option(hidden=True)] = "h100-80",
    devices: Annotated[int | None, typer.Option(min=1, hidden=True)] = None,
    channels: Annotated[int | None, typer.Option(min=1, hidden=True)] = None,
    parameters: Annotated[str | None, typer.Option(hidden=True)] = None,
    molecules: Annotated[int | None, typer.Option(min=1, hidden=True)] = None,
    sharded: Annotated[bool | None, typer.Option("--sharded/--whole", hidden=True)] = None,
    utilisation: Annotated[float | None, typer.Option(hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Train a model. After a kill, the same command continues the unfinished run."""
    import hooke

    given = sorted_arguments(recipe, overrides or [], csv)
    recipe, csv = given.recipe, [kept_source(path, cache_folder() / "tables") for path in given.tables]
    changes = [*given.overrides, *(["train.profile=true"] if profile else []), *named(name)]
    if dry_run:
        refuse_options(
            context,
            "is no part of a plan: leave it out, or --dry-run",
            "csv",
            "smiles",
            "targets",
            "transform",
            "split",
            "seed",
        )
        plan_fit(
            recipe, changes, as_json, device=device, devices=devices, channels=channels, parameters=parameters, molecules=molecules,
            sharded=sharded, utilisation=utilisation,
        )  # fmt: skip
        return
    if recipe in STUDIES and not Path(recipe).exists():
        single = ("csv", "smiles", "targets", "transform", "split", "seed", "model", "budget", "new", "workers")
        refuse_options(context, f"belongs to one training, and {recipe} is a study of many", *single)
        run_study(recipe, overrides=changes, seeds=3, runs=runs, as_json=as_json)
        return
    planned = ("device", "devices", "channels", "parameters", "molecules", "sharded", "utilisation")
    refuse_options(context, "belongs to `hooke plan fit`", *planned)
    run = hooke.fit(
        recipe, overrides=changes, csv=csv or None, smiles=smiles, targets=targets, transform=transform or (),
        split=split, seed=seed, runs=runs, model=model,
        budget=budget,
        new=new, report=report, workers=workers,
    )  # fmt: skip
    print_run(run, as_json)

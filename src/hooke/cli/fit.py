"""`hooke fit`: train by recipe, or straight from a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.api.arguments import sorted_arguments
from hooke.cli.output import Json, Runs, Workers, print_json, print_table, refuse_options
from hooke.cli.scale import STUDIES, run_study
from hooke.core.errors import UsageError
from hooke.core.paths import cache_folder
from hooke.core.piped import kept_source

EXAMPLES = (
    "Examples: `hooke fit assay.csv` · `hooke fit assay.csv --smiles smiles --targets logS` · "
    '`hooke fit assay.csv --transform "IC50 (nM)=pIC50"` · '
    "`hooke fit assay.csv --budget 10m` · `hooke fit solubility.csv permeability.csv` · "
    "`zcat assay.csv.gz | hooke fit --csv -` · "
    "`hooke fit assay.csv --model forest` · `hooke fit my.toml train.learning_rate=3e-4` · "
    "`hooke fit tiny_gine` · `hooke fit screen_ca_mae` · `hooke fit screen_ca_mae --dry-run`"
)

_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9}


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
        str | None, typer.Option(help="Of --model auto: how long comparing may take, as 90s, 5m or 1h; default: 5m.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
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
            "--dry-run",
            help="Only say what a recipe would need: for 1M, 10M and 100M items, of molecules for ToyMix, LargeMix and UltraLarge.",
        ),
    ] = False,
    device: Annotated[str, typer.Option(help="Of --dry-run: a100-80, h100-80 or h200-141.")] = "h100-80",
    devices: Annotated[int | None, typer.Option(min=1, help="Of --dry-run: how many.")] = None,
    channels: Annotated[
        int | None, typer.Option(min=1, help="Of --dry-run: of an image; default: as the recipe says, else 6.")
    ] = None,
    parameters: Annotated[
        str | None,
        typer.Option(help="Of --dry-run: encoders made wider, as 10M,100M,1B,3B; default: as the recipe says."),
    ] = None,
    molecules: Annotated[
        int | None, typer.Option(min=1, help="Of --dry-run: of an epoch; default: those of each mixture.")
    ] = None,
    sharded: Annotated[
        bool | None, typer.Option("--sharded/--whole", help="Of --dry-run: FSDP or DDP; default: as the recipe says.")
    ] = None,
    utilisation: Annotated[
        float | None, typer.Option(help="Of --dry-run: share of the peak that is reached; default: 0.3, molecules 0.1.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a model. After a kill, the same command continues the unfinished run."""
    import hooke

    given = sorted_arguments(recipe, overrides or [], csv)
    recipe, csv = given.recipe, [kept_source(path, cache_folder() / "tables") for path in given.tables]
    changes = [*given.overrides, *(["train.profile=true"] if profile else [])]
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
        planned_for = {
            "device": device, "devices": devices, "channels": channels, "molecules": molecules, "sharded": sharded,
            "utilisation": utilisation, "parameters": None if parameters is None else _counts(parameters),
        }  # fmt: skip
        _plan(recipe, changes, as_json, {name: value for name, value in planned_for.items() if value is not None})
        return
    if recipe in STUDIES and not Path(recipe).exists():
        single = ("csv", "smiles", "targets", "transform", "split", "seed", "model", "budget", "new", "workers")
        refuse_options(context, f"belongs to one training, and {recipe} is a study of many", *single)
        run_study(recipe, overrides=changes, seeds=3, runs=runs, as_json=as_json)
        return
    planned = ("device", "devices", "channels", "parameters", "molecules", "sharded", "utilisation")
    refuse_options(context, "belongs to --dry-run", *planned)
    run = hooke.fit(
        recipe, overrides=changes, csv=csv or None, smiles=smiles, targets=targets, transform=transform or (),
        split=split, seed=seed, runs=runs, model=model,
        budget=budget,
        new=new, report=report, workers=workers,
    )  # fmt: skip
    if as_json:
        print_json(run.to_json())
    else:
        typer.echo(run.summary())


def _plan(recipe: str | None, changes: list[str], as_json: bool, options: dict[str, Any]) -> None:
    import hooke
    from hooke.studies.plan import table

    if recipe is None:
        raise UsageError("--dry-run needs a recipe; `hooke show names recipes` lists the recipes")
    plans = hooke.plan_training(recipe, overrides=changes, **options)
    if as_json:
        print_json([vars(plan) for plan in plans])
    else:
        print_table(*table(plans))


def _counts(text: str) -> tuple[int, ...]:
    """10M,1B as numbers."""
    found = []
    for part in text.split(","):
        number, unit = part.strip()[:-1], part.strip()[-1:].upper()
        if unit not in _UNITS or not number.replace(".", "", 1).isdigit():
            raise UsageError(f"--parameters has the form 10M,100M,1B, got {text!r}")
        found.append(round(float(number) * _UNITS[unit]))
    return tuple(found)

"""`hooke fit`: train by recipe, or straight from a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, Runs, Workers, print_json, print_table
from hooke.core.errors import UsageError

EXAMPLES = (
    "Examples: `hooke fit --csv assay.csv --smiles smiles --targets auto` · `hooke fit my.toml train.learning_rate=3e-4` · "
    "`hooke fit tiny_gine` · `hooke fit screen_ca_mae` · `hooke fit screen_ca_mae --dry-run`"
)


def fit(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe: a TOML file or a built-in name. With --csv it may be left out.")
    ] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the recipe, as a.b=c.")] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Your own table: CSV(.gz), TSV, Parquet, SDF or SMILES file.")
    ] = None,
    smiles: Annotated[str | None, typer.Option(help="The SMILES column of --csv.")] = None,
    targets: Annotated[str, typer.Option(help="Label columns of --csv, comma-separated, or auto.")] = "auto",
    split: Annotated[
        str | None,
        typer.Option(
            help="random, scaffold, scaffold_balanced, cluster, time or column; images: well, plate, experiment or column."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    runs: Runs = Path("runs"),
    new: Annotated[
        bool, typer.Option("--new", help="Start afresh, even if an unfinished run of this recipe exists.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Train the baselines and write report.html.")
    ] = True,
    workers: Workers = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what a recipe on images would need for 1M, 10M and 100M images.")
    ] = False,
    device: Annotated[str, typer.Option(help="Of --dry-run: a100-80, h100-80 or h200-141.")] = "h100-80",
    devices: Annotated[int | None, typer.Option(min=1, help="Of --dry-run: how many.")] = None,
    channels: Annotated[int, typer.Option(min=0, help="Of --dry-run: of an image; 0: as the recipe says, else 6.")] = 0,
    as_json: Json = False,
) -> None:
    """Train a model. After a kill, the same command continues the unfinished run."""
    import hooke

    changes = list(overrides or [])
    if recipe is not None and "=" in recipe and not Path(recipe).exists():
        changes.insert(0, recipe)
        recipe = None
    if dry_run:
        _plan(
            recipe,
            changes,
            as_json,
            {"device": device, "channels": channels} | ({"devices": devices} if devices else {}),
        )
        return
    run = hooke.fit(
        recipe, overrides=changes, csv=csv, smiles=smiles, targets=targets, split=split, seed=seed, runs=runs,
        new=new, report=report, workers=workers,
    )  # fmt: skip
    if as_json:
        print_json(run.to_json())
    else:
        typer.echo(run.summary())


def _plan(recipe: str | None, changes: list[str], as_json: bool, options: dict[str, Any]) -> None:
    import hooke
    from hooke.train.plan import table

    if recipe is None:
        raise UsageError("--dry-run needs a recipe on images; `hooke show names recipes` lists the recipes")
    plans = hooke.plan_training(recipe, overrides=changes, **options)
    if as_json:
        print_json([vars(plan) for plan in plans])
    else:
        print_table(*table(plans))
